#pragma once

/// Parameters and variables of tasks' coroutines, from a target that stands still: one whose tasks a hook tells of, or
/// one where they were found out.
///
///   registries ──> addresses of each task's frames ──> values in them

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coroutines/frame_values.hpp"
#include "hookless/sightings.hpp"
#include "sources/memory_source.hpp"
#include "sources/snapshot_source.hpp"
#include "target/target.hpp"

namespace tasks::cli {

/// What one moment of a process is read from, as `tasks stack --locals` needs it: tasks and frames of the same. Threads
/// that run are stopped while memory is copied. Fails where that cannot be, or where no task is known.
[[nodiscard]] result<std::unique_ptr<memory_source>> open_one_moment(pid_t pid, bool hook, const teller& tell,
                                                                     std::shared_ptr<sightings> seen = nullptr);

class locals_survey {
 public:
  /// `from` stands still, must outlive it, and its roots can be read.
  explicit locals_survey(target& from);

  /// What is missing for its values to be known, and where to get it, a line without "tasks: ". Nothing: nothing is, or
  /// there are no frames.
  [[nodiscard]] std::optional<std::string> missing();
  /// Of one of a task's frames, `number` of them further in: 0 is the innermost one. Empty: none that is known, or the
  /// frame runs.
  [[nodiscard]] std::vector<frame_value> of(std::uint64_t task, std::size_t number);

 private:
  struct frames_of_task {
    std::uint64_t id = 0;
    std::size_t first = 0, depth = 0;
    bool runs = false;
  };

  target& from_;
  coroutine_program program_;
  frame_values values_;
  std::vector<frames_of_task> tasks_;  ///< by id
  std::vector<std::uint64_t> frames_;  ///< of each, outermost first
};

}  // namespace tasks::cli

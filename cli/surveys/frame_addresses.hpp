#pragma once

/// Where the coroutine frames of tasks lie in a target's memory, for debuggers:
///
///   registries ──> addresses of each task's frames, and the version of the task that they are of

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "target/target.hpp"
#include "tasks/v1/agent.pb.h"

namespace tasks::cli {

class frame_addresses {
 public:
  /// Of the tasks whose ids `query` has, or of all where it has none. Reads the target's memory once; 32 bytes a task
  /// and 8 a frame are kept.
  frame_addresses(target& from, const v1::StacksRequest& query);

  /// Why none is known, a line without "tasks: ". Nothing: they are, or there are no tasks.
  [[nodiscard]] const std::optional<std::string>& missing() const noexcept { return missing_; }
  /// Of one of a task's frames, `number` of them further in: 0 is the innermost one. 0: it is not known, or the task
  /// has gone on between the two looks.
  [[nodiscard]] std::uint64_t of(const v1::Task& task, std::size_t number) const;

 private:
  struct frames_of_task {
    std::uint64_t id = 0, version = 0;
    std::size_t first = 0, depth = 0;
  };

  std::vector<frames_of_task> tasks_;  ///< by id
  std::vector<std::uint64_t> frames_;  ///< of each, outermost first
  std::optional<std::string> missing_;
};

}  // namespace tasks::cli

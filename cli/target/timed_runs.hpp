#pragma once

/// Which tasks run while runs are timed, and since when: read from outside, a few words a thread, however many tasks
/// there are.
///
///   root ──> timing_area, its clock
///   thread_slot::runs ──> record: does it run, on this thread? ──> timing_record in its annotations: since when

#include <cstdint>
#include <optional>
#include <vector>

#include "linux/memory.hpp"
#include "target/roots.hpp"
#include "tasks/detail/layout.hpp"

namespace tasks::cli {

/// One run of a task.
struct timed_run {
  std::uint32_t thread = 0;     ///< that runs it, as the target calls it
  std::uint64_t record = 0;     ///< address of the task's
  std::uint64_t task = 0;       ///< its id
  std::uint64_t resumed = 0;    ///< stamp of when it began: with the task's id, which run it is
  std::uint64_t ns = 0;         ///< so far
  std::uint64_t before = 0;     ///< runs of this task that are over, …
  std::uint64_t before_ns = 0;  ///< … and how long they took together

  [[nodiscard]] bool is(const timed_run& other) const noexcept {
    return task == other.task && resumed == other.resumed && record == other.record;
  }
};

class timed_runs {
 public:
  /// Both must outlive it.
  timed_runs(const memory& from, const std::vector<root_copy>& roots) : memory_(from), roots_(roots) {}

  /// Those that run now, one a thread at most. Nothing: runs are not timed.
  [[nodiscard]] std::optional<std::vector<timed_run>> look();
  /// How long a run took that is over. Nothing: it is not, or the task has ended with it, or has run again since.
  [[nodiscard]] std::optional<std::uint64_t> length_of(const timed_run& run) const;

 private:
  struct clock {
    std::uint64_t generation, scale;
    bool is_counter;
  };
  struct times {
    std::uint64_t generation, resumed, count, total_ns;
  };
  [[nodiscard]] std::optional<clock> find_clock() const;
  [[nodiscard]] std::optional<times> times_of(std::uint64_t task, std::uint64_t first) const;
  [[nodiscard]] std::optional<timed_run> run_on(std::uint32_t thread, std::uint64_t record, const clock& by) const;

  const memory& memory_;
  const std::vector<root_copy>& roots_;
  std::vector<unsigned char> slots_;
};

}  // namespace tasks::cli

#pragma once

/// What was timed, copied: of one task, and of those that have ended.

#include <array>
#include <cstdint>
#include <vector>

#include "readers/slab_map.hpp"
#include "task_copy.hpp"

namespace tasks::detail {

/// As layout::durations.
struct durations_copy {
  std::uint64_t count = 0;
  std::uint64_t total = 0;    ///< nanoseconds
  std::uint64_t longest = 0;  ///< nanoseconds
  std::array<std::uint64_t, layout::timing_buckets> buckets{};

  void add(const durations_copy& more) noexcept;
};

struct task_times {
  durations_copy runs;
  durations_copy delays;
  std::uint64_t running = 0;  ///< nanoseconds: the run that is not over

  void add(const task_times& more) noexcept;
};

/// Tasks of one function and spawn path that have ended.
struct ended_times {
  std::uint64_t where;
  std::uint64_t spawn_path;
  std::uint64_t tasks;
  task_times times;
};

/// Copies of what a process has timed since timing began.
class times_reader {
 public:
  /// Null: nothing is timed.
  explicit times_reader(const layout::timing_area* area) noexcept : area_(area) {}

  /// Zeros for a task that has neither run nor waited since.
  [[nodiscard]] task_times of(const task_copy& task, slab_map& slabs) const noexcept;
  /// Throws std::bad_alloc.
  [[nodiscard]] std::vector<ended_times> of_ended() const;

 private:
  [[nodiscard]] std::uint64_t running_for(const task_copy& task, std::uint64_t resumed) const noexcept;

  const layout::timing_area* area_;
};

}  // namespace tasks::detail

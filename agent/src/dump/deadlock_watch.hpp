#pragma once

/// Whether anything is left that could wake a task of this process; see dump_on_deadlock().
///
///   look ──1 s──> look ──1 s──> …     the same tasks in the same waits, on channels and for tasks alone, for 5 s: true

#include <cstdint>

namespace tasks::detail {

class deadlock_watch {
 public:
  static constexpr std::uint64_t usual_quiet_ms = 5000;

  /// For so long no task may have gone on.
  explicit deadlock_watch(std::uint64_t quiet_for_ms = usual_quiet_ms) noexcept : quiet_for_ms_(quiet_for_ms) {}

  /// One look, up to the first task that waits for something else. Throws std::bad_alloc.
  [[nodiscard]] bool look();
  /// When to look next: CLOCK_MONOTONIC, in milliseconds.
  [[nodiscard]] std::uint64_t next_look() const noexcept { return next_look_; }

 private:
  std::uint64_t quiet_for_ms_;
  std::uint64_t seen_ = 0;        ///< hash of the tasks and of their words; 0: somebody could be woken
  std::uint64_t seen_since_ = 0;  ///< CLOCK_MONOTONIC, in milliseconds
  std::uint64_t next_look_ = 0;
};

}  // namespace tasks::detail

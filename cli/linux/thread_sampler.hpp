#pragma once

/// Stops threads for a moment each, over and over, to see where they are.
///
///   ask(tid) ──> seize, interrupt ··> it stops when it is next on a CPU ──> take(): registers, visitor, let go
///
/// Several are asked at once, and each is let go as soon as it has stopped and was looked at. One that waits for a CPU
/// stops when it gets one, at the place where it had lost it. A thread that has gone to sleep in a system call between
/// being seen running and being asked goes on waiting in it (see linux/interrupted_call).
///
/// All by one thread, whose end lets go whatever is still traced; so does our being killed. SIGCHLD is blocked in it.

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/error.hpp"
#include "linux/registers.hpp"
#include "linux/tracee.hpp"

namespace tasks::cli {

class thread_sampler {
 public:
  explicit thread_sampler(pid_t pid) : pid_(pid) {}

  /// Asks it to stop. Of one that has not stopped since it was last asked: nothing is done.
  void ask(pid_t tid);
  [[nodiscard]] bool has_asked(pid_t tid) const;

  /// Called while the thread is stopped.
  using visitor = std::function<void(pid_t, const thread_registers&)>;
  /// Some have not stopped yet.
  [[nodiscard]] bool is_waiting() const noexcept { return !asked_.empty(); }
  /// Waits until some thread stops, or `until`, and has each that has stopped looked at and go on.
  void take(std::chrono::steady_clock::time_point until, const visitor& visit);

  /// Why the kernel does not let us trace one of them.
  [[nodiscard]] const std::optional<error>& refusal() const noexcept { return refusal_; }
  struct stops {
    std::uint64_t count = 0;
    std::chrono::nanoseconds longest{0}, all{0};  ///< from being seen stopped to having gone on
  };
  [[nodiscard]] const stops& made() const noexcept { return made_; }

 private:
  void look_at(tracee& thread, const visitor& visit);

  pid_t pid_;
  std::vector<tracee> asked_;
  std::optional<error> refusal_;
  stops made_;
};

}  // namespace tasks::cli

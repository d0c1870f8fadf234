#pragma once

/// Keeps the threads of a process still for as long as the object lives, and reads their registers.
///
///   sleeps in a system call ──> is left alone; moved() tells afterwards whether it has slept all the time
///   runs ──> a tracee, stopped
///
/// A system call of a thread that is stopped may return EINTR, which the program sees: epoll_wait(2) with a time-out
/// does. One that is left alone goes on; of its registers only a few are known. Threads that begin meanwhile are found
/// by listing again until none is new.
///
/// A thread of ours stops them, and lets them go when the object ends or their time has run out, whatever its owner is
/// at. It ends then, at which the kernel lets go whom it still traces; so it does when we are killed. Until then
/// nothing that a terminal sends stops us.

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/error.hpp"
#include "linux/registers.hpp"

namespace tasks::cli {

/// Whom to stop.
struct stop_order {
  using clock = std::chrono::steady_clock;

  enum class whom {
    everybody,
    who_runs,  ///< and of those that sleep `also`
    nobody,    ///< one that runs is waited for, until it sleeps
    let_run    ///< nobody, and one that runs goes on
  };
  whom stop = whom::everybody;
  std::set<pid_t> also{};
  /// Nobody is stopped for longer at a time. Nothing: as long as it takes.
  std::optional<std::chrono::milliseconds> longest{};
  std::function<clock::time_point()> now = clock::now;  ///< what that is measured by
};

/// They went on after `stopped`, as that is longer than `longest`, before all was done that they were stopped for.
[[nodiscard]] error stopped_too_long(pid_t pid, std::chrono::milliseconds longest, std::chrono::nanoseconds stopped);

class process_stop {
 public:
  /// Gives up, and lets go, when a thread cannot be stopped before `patience` is over (it sleeps in the kernel), does
  /// not go to sleep in that time, or has registers that cannot be read; when their time has run out before all have
  /// stopped; and where another process traces one, but for one of ours that looks at it, too: that is waited for.
  [[nodiscard]] static result<process_stop> begin(pid_t pid, std::chrono::milliseconds patience,
                                                  const stop_order& order = {});

  process_stop(process_stop&& other) noexcept;
  process_stop& operator=(process_stop&&) = delete;
  ~process_stop();

  /// Lets go. Only by the thread that called begin().
  void end() noexcept;
  /// Of one that was left asleep the thread pointer is not known.
  [[nodiscard]] const std::vector<thread_registers>& threads() const noexcept;
  /// Were some stopped?
  [[nodiscard]] bool has_stopped_some() const noexcept;
  /// Threads that were left asleep and have run since begin(), or have ended; such as have begun; and such as were left
  /// running. Empty: all have stood still, unless their time has run out.
  [[nodiscard]] std::set<pid_t> moved() const;
  /// They have gone on before end(), or end() came too late: how long they were stopped. Nothing: they have time left.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> ran_out() const;
  /// After end(): from before the first was asked to stop until all had been let go; 0: nobody was stopped.
  [[nodiscard]] std::chrono::nanoseconds stopped_for() const;

 private:
  class holder;
  explicit process_stop(std::unique_ptr<holder> holds);

  std::unique_ptr<holder> holder_;
};

}  // namespace tasks::cli

#pragma once

/// Keeps the threads of a process still for as long as the object lives, and reads their registers.
///
///   sleeps in a system call ──> is left alone; moved() tells afterwards whether it has slept all the time
///   runs ──> a tracee, stopped
///
/// A system call of a thread that is stopped may return EINTR, which the program sees: epoll_wait(2) does. One that is
/// left alone goes on; of its registers only a few are known. Threads that begin meanwhile are found by listing again
/// until none is new.

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/error.hpp"
#include "linux/registers.hpp"
#include "linux/sleep.hpp"
#include "linux/tracee.hpp"

namespace tasks::cli {

/// Whom to stop.
struct stop_order {
  enum class whom {
    everybody,
    who_runs,  ///< and of those that sleep `also`
    nobody,    ///< one that runs is waited for, until it sleeps
    let_run    ///< nobody, and one that runs goes on
  };
  whom stop = whom::everybody;
  std::set<pid_t> also{};
  /// Nobody is stopped for longer: who waits for threads that do not stop gives up. Nothing: as long as it takes.
  std::optional<std::chrono::milliseconds> longest{};
};

/// It would have to be stopped for longer than stop_order::longest.
[[nodiscard]] error stopped_too_long(pid_t pid);

class process_stop {
 public:
  /// Gives up, and lets go, when a thread cannot be stopped before `patience` is over (it sleeps in the kernel), does
  /// not go to sleep in that time, or has registers that cannot be read.
  [[nodiscard]] static result<process_stop> begin(pid_t pid, std::chrono::milliseconds patience,
                                                  const stop_order& order = {});

  process_stop(process_stop&& other) noexcept;
  process_stop& operator=(process_stop&&) = delete;
  ~process_stop() { end(); }

  /// Lets go. Only by the thread that called begin().
  void end() noexcept;
  /// Of one that was left asleep the thread pointer is not known.
  [[nodiscard]] const std::vector<thread_registers>& threads() const noexcept { return registers_; }
  /// Were some stopped?
  [[nodiscard]] bool has_stopped_some() const noexcept { return !tracees_.empty(); }
  /// Threads that were left asleep and have run since begin(), or have ended; such as have begun; and such as were left
  /// running. Empty: all have stood still.
  [[nodiscard]] std::set<pid_t> moved() const;

 private:
  explicit process_stop(pid_t pid) : pid_(pid) {}
  [[nodiscard]] std::vector<pid_t> leave_asleep(const stop_order& order);
  [[nodiscard]] bool is_known(pid_t tid) const;
  [[nodiscard]] result<bool> seize_new();
  [[nodiscard]] bool wait_for(tracee& t, std::chrono::steady_clock::time_point deadline);
  [[nodiscard]] bool read_registers(pid_t tid);

  pid_t pid_;
  std::map<pid_t, sleeping_thread> asleep_;
  std::set<pid_t> running_;  ///< left so
  std::vector<tracee> tracees_;
  std::vector<thread_registers> registers_;
};

}  // namespace tasks::cli

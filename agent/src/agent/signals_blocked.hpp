#pragma once

/// While one exists signals are blocked on the calling thread, and on those that it makes: the host's handlers run on
/// the host's threads only, and none of them forks where the calling thread has a lock that a fork waits for.

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace tasks::detail {

class signals_blocked {
 public:
  static constexpr auto all = ~std::uint64_t{0};
  /// But for 32 and 33, by which libc has its threads end, or change their user: others must not get them, and its own
  /// have to.
  static constexpr auto all_but_those_of_libc = all & ~(std::uint64_t{3} << 31);

  explicit signals_blocked(std::uint64_t which) noexcept { change(which, &before_); }
  ~signals_blocked() { change(before_, nullptr); }
  signals_blocked(const signals_blocked&) = delete;
  signals_blocked& operator=(const signals_blocked&) = delete;

 private:
  static void change(std::uint64_t to, std::uint64_t* before) noexcept {
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &to, before, sizeof to);
  }
  std::uint64_t before_ = 0;
};

}  // namespace tasks::detail

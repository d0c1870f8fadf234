#include "linux/interrupted_call.hpp"

#include <errno.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>

#include <algorithm>
#include <array>
#include <cstddef>

namespace tasks::cli {

#if defined(__x86_64__)
namespace {

/// Calls that return EINTR when their thread was stopped while it waited in them (signal(7)), and have got or given
/// nothing then. All others are begun anew by the kernel itself, or do not wait.
constexpr std::array<long, 13> calls_to_begin_anew = {SYS_epoll_wait,
                                                      SYS_epoll_pwait,
                                                      441 /* epoll_pwait2 */,
                                                      SYS_rt_sigtimedwait,
                                                      SYS_semop,
                                                      SYS_semtimedop,
                                                      SYS_io_getevents,
                                                      333 /* io_pgetevents */,
                                                      SYS_recvfrom,
                                                      SYS_recvmsg,
                                                      SYS_accept,
                                                      SYS_accept4,
                                                      426 /* io_uring_enter */};

constexpr long restart_no_hand = 514;  ///< ERESTARTNOHAND, of the kernel's include/linux/errno.h

}  // namespace

void go_on_waiting(pid_t tid) noexcept {
  // Offsets into struct user, as ptrace(2) has them: two words are read, and one is written.
  constexpr auto result_at = offsetof(user, regs.rax), call_at = offsetof(user, regs.orig_rax);
  errno = 0;
  const long result = ::ptrace(PTRACE_PEEKUSER, tid, result_at, nullptr);
  if (errno != 0 || result != -EINTR) return;
  const long call = ::ptrace(PTRACE_PEEKUSER, tid, call_at, nullptr);
  if (errno != 0 ||
      std::find(calls_to_begin_anew.begin(), calls_to_begin_anew.end(), call) == calls_to_begin_anew.end())
    return;
  ::ptrace(PTRACE_POKEUSER, tid, result_at, -restart_no_hand);
}
#else
void go_on_waiting(pid_t) noexcept {}
#endif

}  // namespace tasks::cli

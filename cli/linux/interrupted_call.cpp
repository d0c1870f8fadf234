#include "linux/interrupted_call.hpp"

#include <errno.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

namespace tasks::cli {

#if defined(__x86_64__)
namespace {

/// Where a call has its time-out.
enum class time_out {
  none,      ///< it has none
  negative,  ///< the fourth argument, in milliseconds; below zero it waits for ever
  fourth,    ///< a pointer, as are these; null: it waits for ever
  third,
  fifth,
  ring,   ///< of io_uring_enter: behind a flag of the fourth
  socket  ///< SO_RCVTIMEO, else it would not end with EINTR
};

struct waiting_call {
  long number;
  time_out has;
};

/// Calls that return EINTR when their thread was stopped while it waited in them (signal(7)), and have got or given
/// nothing then. All others are begun anew by the kernel itself, or do not wait.
constexpr std::array<waiting_call, 13> calls_to_begin_anew = {{{SYS_epoll_wait, time_out::negative},
                                                               {SYS_epoll_pwait, time_out::negative},
                                                               {441 /* epoll_pwait2 */, time_out::fourth},
                                                               {SYS_rt_sigtimedwait, time_out::third},
                                                               {SYS_semop, time_out::none},
                                                               {SYS_semtimedop, time_out::fourth},
                                                               {SYS_io_getevents, time_out::fifth},
                                                               {333 /* io_pgetevents */, time_out::fifth},
                                                               {SYS_recvfrom, time_out::socket},
                                                               {SYS_recvmsg, time_out::socket},
                                                               {SYS_accept, time_out::socket},
                                                               {SYS_accept4, time_out::socket},
                                                               {426 /* io_uring_enter */, time_out::ring}}};

constexpr long restart_no_hand = 514;             ///< ERESTARTNOHAND, of the kernel's include/linux/errno.h
constexpr long ring_has_more_arguments = 1 << 3;  ///< IORING_ENTER_EXT_ARG

/// A word of struct user, as ptrace(2) has it.
std::optional<long> word_of(pid_t tid, std::size_t offset) {
  errno = 0;
  const long word = ::ptrace(PTRACE_PEEKUSER, tid, offset, nullptr);
  return errno == 0 ? std::optional(word) : std::nullopt;
}

bool waits_for_ever(pid_t tid, time_out has) {
  const auto third = offsetof(user, regs.rdx), fourth = offsetof(user, regs.r10), fifth = offsetof(user, regs.r8);
  switch (has) {
    case time_out::none:
      return true;
    case time_out::negative:
      return static_cast<int>(word_of(tid, fourth).value_or(0)) < 0;
    case time_out::third:
      return word_of(tid, third) == 0;
    case time_out::fourth:
      return word_of(tid, fourth) == 0;
    case time_out::fifth:
      return word_of(tid, fifth) == 0;
    case time_out::ring:
      return (word_of(tid, fourth).value_or(ring_has_more_arguments) & ring_has_more_arguments) == 0;
    case time_out::socket:
      break;
  }
  return false;
}

}  // namespace

void go_on_waiting(pid_t tid, waits which) noexcept {
  constexpr auto result_at = offsetof(user, regs.rax), call_at = offsetof(user, regs.orig_rax);
  if (word_of(tid, result_at) != -EINTR) return;
  const auto number = word_of(tid, call_at);
  const auto call = std::find_if(calls_to_begin_anew.begin(), calls_to_begin_anew.end(),
                                 [&](const waiting_call& each) { return each.number == number; });
  if (call == calls_to_begin_anew.end() || (which == waits::endless && !waits_for_ever(tid, call->has))) return;
  ::ptrace(PTRACE_POKEUSER, tid, result_at, -restart_no_hand);
}
#else
void go_on_waiting(pid_t, waits) noexcept {}
#endif

}  // namespace tasks::cli

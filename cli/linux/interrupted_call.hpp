#pragma once

#include <sys/types.h>

namespace tasks::cli {

/// Has a stopped thread go on waiting in a system call that ends with EINTR by our having stopped it, such as
/// epoll_wait(2).
///
///   waits, or has just begun to ──> asked to stop ──> EINTR, stopped ──> begins the same call anew
///
/// Says to the kernel what it says itself of calls that it begins anew (ERESTARTNOHAND): a signal that has come
/// meanwhile, and that the program handles, ends the call with EINTR all the same. Only of calls that have done nothing
/// by then. x86-64 only: elsewhere the kernel has made up its mind before the thread stops.
/// Precondition: stopped by PTRACE_INTERRUPT, by the calling thread.
///
/// A time-out begins anew with the call: `any` is for who was seen running a moment ago, `endless` leaves those alone
/// that have one.
enum class waits { any, endless };
void go_on_waiting(pid_t tid, waits which) noexcept;

}  // namespace tasks::cli

#pragma once

#include <sys/types.h>

namespace tasks::cli {

/// Has a stopped thread go on waiting, where it had just begun to wait in a system call that ends with EINTR by our
/// having stopped it, such as epoll_wait(2).
///
///   running ──> asked to stop ··> has begun to wait ──> EINTR, stopped ──> begins the same call anew
///
/// Says to the kernel what it says itself of calls that it begins anew (ERESTARTNOHAND): a signal that has come
/// meanwhile, and that the program handles, ends the call with EINTR all the same. Only of calls that have done nothing
/// by then; a time-out begins anew, so that this is for who was seen running a moment ago. x86-64 only.
/// Precondition: stopped by PTRACE_INTERRUPT, by the calling thread.
void go_on_waiting(pid_t tid) noexcept;

}  // namespace tasks::cli

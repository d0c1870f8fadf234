#include "linux/tracee.hpp"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>

#include "linux/kept_threads.hpp"
#include "linux/proc.hpp"

namespace tasks::cli {

namespace {

/// And not one that came first: a signal, an event, a stop of the whole process.
bool is_stop_that_was_asked_for(int status) noexcept {
  return WIFSTOPPED(status) && status >> 16 == PTRACE_EVENT_STOP && WSTOPSIG(status) == SIGTRAP;
}

kept_thread* find_kept(pid_t tid) noexcept {
  const auto known = kept_threads().find(tid);
  return known == kept_threads().end() ? nullptr : &known->second;
}

}  // namespace

std::map<pid_t, kept_thread>& kept_threads() noexcept {
  thread_local std::map<pid_t, kept_thread> all;
  return all;
}

tracee::tracee(pid_t tid) noexcept : tid_(tid) {
  if (const auto* known = find_kept(tid)) {
    is_ = known->stopped ? state::stopped : state::running;
    if (is_ == state::running) ::ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr);
    return;
  }
  if (::ptrace(PTRACE_SEIZE, tid, nullptr, nullptr) != 0) {
    error_ = errno;
    if (error_ == ESRCH) is_ = state::gone;
    // One that was begun by a thread that is kept: the kernel has us trace it, and its keeper has not heard of it yet.
    const bool is_new = error_ == EPERM && !kept_threads().empty() && tracer_of(tid) == ::getpid();
    if (!is_new) return;
    kept_threads()[tid];
  }
  is_ = state::running;
  // Fails only for a thread that is gone, as a look at it will show.
  ::ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr);
}

tracee::state tracee::look() noexcept {
  if (is_ != state::running) return is_;
  int status = 0;
  const auto seen = ::waitpid(tid_, &status, __WALL | WNOHANG);
  if (seen == 0 || (seen < 0 && errno == EINTR)) return is_;
  if (auto* known = seen > 0 && !is_stop_that_was_asked_for(status) ? find_kept(tid_) : nullptr) {
    known->status = status;
    known->stopped = WIFSTOPPED(status);
    return is_ = known->stopped ? state::stopped : state::gone;
  }
  if (seen < 0 || !WIFSTOPPED(status)) return is_ = state::gone;
  // With an event it is a stop of ours, or of the whole process; without one a signal is being delivered.
  if (status >> 16 == 0) signal_ = WSTOPSIG(status);
  return is_ = state::stopped;
}

void tracee::let_go() noexcept {
  if (is_ != state::stopped) return;
  is_ = state::gone;
  if (const auto* known = find_kept(tid_)) {
    if (!known->stopped) ::ptrace(PTRACE_CONT, tid_, nullptr, nullptr);
    return;
  }
  ::ptrace(PTRACE_DETACH, tid_, nullptr, static_cast<std::intptr_t>(signal_));
}

}  // namespace tasks::cli

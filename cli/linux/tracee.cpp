#include "linux/tracee.hpp"

#include <errno.h>
#include <sched.h>
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

namespace {

/// As of waitid(2), and leaves it as it is: who takes a stop takes the signal with it that is being delivered, and if
/// we end before we let go, it is lost. False: errno says why.
bool peek(pid_t tid, siginfo_t& seen) noexcept {
  seen = {};
  return ::waitid(P_PID, static_cast<id_t>(tid), &seen, __WALL | WSTOPPED | WEXITED | WNOHANG | WNOWAIT) == 0;
}

bool is_end(const siginfo_t& seen) noexcept {
  return seen.si_pid != 0 && seen.si_code != CLD_TRAPPED && seen.si_code != CLD_STOPPED;
}

}  // namespace

void note_end(pid_t tid) noexcept {
  siginfo_t seen;
  if (peek(tid, seen) && is_end(seen)) ::waitpid(tid, nullptr, __WALL | WNOHANG);
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

/// Of one that another thing of ours keeps: what comes to it is its keeper's to know.
tracee::state tracee::look_at_kept() noexcept {
  int status = 0;
  const auto seen = ::waitpid(tid_, &status, __WALL | WNOHANG);
  if (seen == 0 || (seen < 0 && errno == EINTR)) return is_;
  if (auto* known = seen > 0 && !is_stop_that_was_asked_for(status) ? find_kept(tid_) : nullptr) {
    known->status = status;
    known->stopped = WIFSTOPPED(status);
    return is_ = known->stopped ? state::stopped : state::gone;
  }
  return is_ = seen < 0 || !WIFSTOPPED(status) ? state::gone : state::stopped;
}

tracee::state tracee::look() noexcept {
  if (is_ != state::running) return is_;
  if (find_kept(tid_) != nullptr) return look_at_kept();
  siginfo_t seen;
  if (!peek(tid_, seen)) {
    if (errno != EINTR) is_ = state::gone;
    return is_;
  }
  if (seen.si_pid == 0) return is_;
  if (is_end(seen)) {
    note_end(tid_);
    return is_ = state::gone;
  }
  // With an event it is a stop of ours, or of the whole process; without one a signal is being delivered.
  if (seen.si_status >> 8 == 0) signal_ = seen.si_status;
  return is_ = state::stopped;
}

void tracee::let_go() noexcept {
  if (is_ != state::stopped) return;
  is_ = state::gone;
  if (const auto* known = find_kept(tid_)) {
    if (!known->stopped) ::ptrace(PTRACE_CONT, tid_, nullptr, nullptr);
    return;
  }
  if (::ptrace(PTRACE_DETACH, tid_, nullptr, static_cast<std::intptr_t>(signal_)) == 0) return;
  // It was killed, and is about to end.
  for (int i = 0; i < 20 && ::kill(tid_, 0) == 0; ++i) {
    note_end(tid_);
    ::sched_yield();
  }
}

}  // namespace tasks::cli

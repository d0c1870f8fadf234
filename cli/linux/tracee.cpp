#include "linux/tracee.hpp"

#include <errno.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cstdint>

namespace tasks::cli {

tracee::tracee(pid_t tid) noexcept : tid_(tid) {
  if (::ptrace(PTRACE_SEIZE, tid, nullptr, nullptr) != 0) {
    error_ = errno;
    if (error_ == ESRCH) is_ = state::gone;
    return;
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
  if (seen < 0 || !WIFSTOPPED(status)) return is_ = state::gone;
  // With an event it is a stop of ours, or of the whole process; without one a signal is being delivered.
  if (status >> 16 == 0) signal_ = WSTOPSIG(status);
  return is_ = state::stopped;
}

void tracee::let_go() noexcept {
  if (is_ != state::stopped) return;
  is_ = state::gone;
  ::ptrace(PTRACE_DETACH, tid_, nullptr, static_cast<std::intptr_t>(signal_));
}

}  // namespace tasks::cli

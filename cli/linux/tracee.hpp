#pragma once

/// A thread that is stopped by ptrace(2): SEIZE and INTERRUPT, so that no signal is sent, a thread that SIGSTOP holds
/// stays so afterwards, and the kernel lets go of it if the thread of ours that seized it ends, or is killed. A signal
/// that was being delivered then is: its stop is looked at, and never taken (WNOWAIT). How long to wait for the stop is
/// whose thread it is to say: the process_stop's or the thread_copy's.

#include <sys/types.h>

namespace tasks::cli {

/// Takes note of the end of a thread that some thread of ours traces, if it has ended. A process that executes another
/// program waits until all who trace its other threads have done so, and who would seize one meanwhile waits for that.
/// Any thread of ours may; a stop, with the signal that is being delivered, stays.
void note_end(pid_t tid) noexcept;

class tracee {
 public:
  enum class state {
    refused,  ///< error() says why
    gone,     ///< it has ended
    running,  ///< it is to stop, and look() will show it
    stopped
  };

  /// Seizes it, and asks it to stop.
  explicit tracee(pid_t tid) noexcept;

  [[nodiscard]] pid_t tid() const noexcept { return tid_; }
  [[nodiscard]] state is() const noexcept { return is_; }
  /// errno of the refusal.
  [[nodiscard]] int error() const noexcept { return error_; }

  /// Of a stopped one: it stopped because a signal is being delivered to it, and not for us.
  [[nodiscard]] bool has_signal() const noexcept { return signal_ != 0; }

  /// What has become of a running one; does not wait.
  state look() noexcept;
  /// It will never stop: a dead leader of living threads.
  void give_up() noexcept { is_ = state::gone; }
  /// Only of a stopped one, and by the thread that seized it. A signal that was on its way to it goes on.
  void let_go() noexcept;

 private:
  state look_at_kept() noexcept;

  pid_t tid_;
  state is_ = state::refused;
  int error_ = 0;
  int signal_ = 0;  ///< that it was about to receive, and will
};

}  // namespace tasks::cli

#pragma once

/// Threads that the calling thread has stopped, and how long they have been. Only one thread of ours may use such an
/// object: a thread has one tracer.

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <vector>

#include "base/error.hpp"
#include "linux/process_stop.hpp"
#include "linux/registers.hpp"
#include "linux/tracee.hpp"

namespace tasks::cli {

class stopped_threads {
 public:
  using clock = stop_order::clock;

  stopped_threads(pid_t pid, const stop_order& order) : pid_(pid), order_(order) {}
  stopped_threads(const stopped_threads&) = delete;
  stopped_threads& operator=(const stopped_threads&) = delete;
  ~stopped_threads() { let_go(); }

  /// Asks one to stop, unless it has ended. Fails where the kernel refuses.
  result<void> ask(pid_t tid);
  /// Waits until all have stopped that were asked, and reads the registers of those that are new.
  result<void> wait(clock::time_point deadline, std::vector<thread_registers>& to);
  void let_go() noexcept;

  [[nodiscard]] bool empty() const noexcept { return tracees_.empty(); }
  /// The last thread that was asked could not be traced, as this one traces it; 0: none does, any more. Nothing: it
  /// was.
  [[nodiscard]] std::optional<pid_t> refused_for() const noexcept { return refused_for_; }
  /// How much of the time is left that they may be stopped. Nothing: they may be for ever, or nobody is.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> left() const;
  /// The longest that one was stopped, of those that have been let go.
  [[nodiscard]] std::chrono::nanoseconds stopped_for() const noexcept { return longest_; }
  [[nodiscard]] bool has_run_out() const;
  /// Precondition: their time has run out.
  [[nodiscard]] error too_long() const;

 private:
  [[nodiscard]] result<void> wait_for(tracee& t, clock::time_point deadline) const;

  pid_t pid_;
  const stop_order& order_;
  std::vector<tracee> tracees_;
  std::size_t read_ = 0;                    ///< of so many the registers were read
  std::optional<clock::time_point> begin_;  ///< the first still ran then; nothing: nobody was asked to stop
  std::chrono::nanoseconds longest_{0};
  std::optional<pid_t> refused_for_;
};

}  // namespace tasks::cli

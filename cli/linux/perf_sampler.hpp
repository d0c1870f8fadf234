#pragma once

/// Samples of threads that are not stopped: the kernel takes them, each time that a thread has used so much CPU time.
///
///   add(tid) ──> perf_event_open(2) ··> a timer's interrupt: registers, a piece of stack ──> ring ──> take(): visitor
///
/// The thread goes on before the visitor is called: what else is read of it then is of a later moment. An event and a
/// ring each thread; all of them go when this does, or we are killed.
///
/// Time in the kernel is sampled too, with the place of the system call, where the kernel lets us; else a thread that
/// is in the kernel when its time is up has no sample.

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/remedy.hpp"
#include "linux/proc.hpp"
#include "linux/thread_copy.hpp"

namespace tasks::cli {

struct thread_sample {
  std::chrono::steady_clock::time_point at;
  /// CPU time of its thread since its last sample, or since it was added. Where time in the kernel is not sampled: the
  /// time that is between two samples of one that is never there.
  std::uint64_t weight_ns = 0;
  thread_copy stack;  ///< at most sampled_stack bytes, without the red zone
};

/// Of a thread's stack, in bytes. A multiple of 8; two records of that size fit into the smallest ring.
inline constexpr std::size_t sampled_stack = std::size_t{32256};

class perf_sampler {
 public:
  perf_sampler(pid_t pid, std::chrono::nanoseconds period);
  ~perf_sampler();
  perf_sampler(const perf_sampler&) = delete;
  perf_sampler& operator=(const perf_sampler&) = delete;

  /// The errno with which the kernel refuses an event of a thread, or of this one: 0; 0: it does not. Nothing is
  /// sampled.
  [[nodiscard]] static int try_event(pid_t tid);

  /// From now on it is sampled. Fails where the kernel does not allow it, or has no room; of a thread that has ended
  /// nothing is done.
  result<void> add(pid_t tid);
  /// What was sampled of it and not taken is forgotten.
  void remove(pid_t tid);

  using visitor = std::function<void(const thread_sample&)>;
  /// Waits until there is some sample, or `until`, and has each visited.
  void take(std::chrono::steady_clock::time_point until, const visitor& visit);
  /// Likewise, without waiting, and of threads that have ended too.
  void take_rest(const visitor& visit);

  /// Samples for which there was no room in a ring.
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }
  /// Of the threads that were added last; true before.
  [[nodiscard]] bool samples_kernel() const noexcept { return samples_kernel_; }

 private:
  class thread_event;

  [[nodiscard]] int open_event(pid_t tid);
  void drain(thread_event& event, const visitor& visit);
  void visit_sample(thread_event& event, std::span<const unsigned char> record, const visitor& visit);

  pid_t pid_;
  std::uint64_t period_ns_;
  descriptor poll_;
  std::vector<std::unique_ptr<thread_event>> events_;
  std::vector<unsigned char> record_;  ///< a copy of the one that is looked at
  thread_sample sample_;
  bool samples_kernel_ = true;
  std::uint64_t lost_ = 0;
};

/// Why the kernel lets us have no event of a thread: `reason` is the errno of perf_event_open(2). `paranoid_file`
/// stands in for /proc/sys/kernel/perf_event_paranoid in tests.
[[nodiscard]] obstacle what_forbids_events(int reason, const std::string& paranoid_file);
/// The same, as an error.
[[nodiscard]] error perf_refusal(std::string subject, int reason, const std::string& paranoid_file);

}  // namespace tasks::cli

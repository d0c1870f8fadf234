#pragma once

/// How much CPU each thread of a process has had, asked over and over at a system call a thread.
///
///   /proc/PID/task/TID/schedstat   "18347734 1733 42": nanoseconds on a CPU, waiting for one, how often given one
///   /proc/PID/task/TID/syscall     "running", or where it sleeps
///
/// The kernel adds what a thread that is on a CPU has had at its timer's ticks, a few milliseconds apart, and when the
/// thread leaves the CPU: right after it was stopped the number is exact.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "linux/proc.hpp"

namespace tasks::cli {

struct cpu_usage {
  std::uint64_t ns = 0;         ///< since the thread began
  std::uint64_t waited_ns = 0;  ///< for a CPU; what it waits now is added when it gets one
  std::uint64_t slices = 0;     ///< how often it was given a CPU
};

class timed_thread {
 public:
  timed_thread(pid_t pid, pid_t tid, std::uint32_t inner_tid, std::string name);

  [[nodiscard]] pid_t tid() const noexcept { return tid_; }
  [[nodiscard]] std::uint32_t inner_tid() const noexcept { return inner_tid_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Nothing: it has ended, or the kernel does not count.
  [[nodiscard]] std::optional<cpu_usage> usage() const;
  /// On a CPU, or waiting for one: not asleep in the kernel.
  [[nodiscard]] bool runs() const;

 private:
  /// The first bytes of a file of /proc that is kept open while there are descriptors to be had.
  [[nodiscard]] std::string read(const descriptor& kept, const char* name) const;

  pid_t pid_, tid_;
  std::uint32_t inner_tid_;
  std::string name_;
  descriptor schedstat_, syscall_;
};

/// The threads of a process, as they come and go.
class thread_census {
 public:
  explicit thread_census(pid_t pid);

  /// Threads that are new since it was last called; of the first call: all. Without the agent's own.
  [[nodiscard]] std::vector<timed_thread> find_new();

 private:
  pid_t pid_;
  std::vector<pid_t> known_;  ///< sorted
};

/// Allows this process as many descriptors as it may allow itself: two a thread are kept open.
void allow_many_descriptors() noexcept;

}  // namespace tasks::cli

#pragma once

/// Threads that sleep in the kernel: whether one has done so all the time, and where its stack is, without a stop.
///
///   /proc/PID/task/TID/syscall     "232 0x5 0x7ffc… … 0x7ffc… 0x7f…": call, arguments, stack pointer, address; or
///   "running" /proc/PID/task/TID/schedstat   the third number: how often it was given a CPU
///
/// Both want the right to trace the process; the first is described in proc_pid_syscall(5), the other in the kernel's
/// scheduler/sched-stats.rst.

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>

namespace tasks::cli {

/// A thread that sleeps. Twice the same, and it has not run in between.
struct sleeping_thread {
  std::int64_t call = -1;  ///< number of the system call; -1: in none, as where a page of its is being read
  std::array<std::uint64_t, 6> arguments{};  ///< of the call
  std::uint64_t stack_pointer = 0;
  std::uint64_t instruction_pointer = 0;
  std::uint64_t slices = 0;  ///< how often it has been given a CPU

  bool operator==(const sleeping_thread&) const = default;
};

/// Nothing: it runs, has ended, may not be looked at, or the kernel does not count.
[[nodiscard]] std::optional<sleeping_thread> read_sleep(pid_t pid, pid_t tid);

/// How often a thread has been given a CPU; 0: not known.
[[nodiscard]] std::uint64_t read_slices(pid_t pid, pid_t tid);

}  // namespace tasks::cli

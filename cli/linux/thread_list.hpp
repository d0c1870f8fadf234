#pragma once

/// A process's OS threads, as /proc tells of them without stopping any.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tasks::cli {

/// How the agent calls its own.
inline constexpr std::string_view agents_thread = "tasks-agent";

struct os_thread {
  pid_t tid = 0;                 ///< in our pid namespace
  std::uint32_t inner_tid = 0;   ///< in the target's own: what tasks name as their thread
  std::string name;              ///< at most 15 bytes
  char state = 0;                ///< as proc(5) has it: R, S, D, T, t, Z …
  std::uint64_t cpu_ticks = 0;   ///< used so far, sysconf(_SC_CLK_TCK) of them a second
  std::uint64_t start_time = 0;  ///< clock ticks from boot
};

/// The main thread first, then by tid. Empty: the process is gone. A thread that ends meanwhile is left out.
[[nodiscard]] std::vector<os_thread> list_threads(pid_t pid);

/// The system call that a thread waits in; see proc(5), /proc/PID/syscall.
struct blocking_call {
  long number = 0;             ///< SYS_…
  std::uint64_t argument = 0;  ///< the first one
};
/// Nothing: it runs, is gone, or the kernel does not tell us.
[[nodiscard]] std::optional<blocking_call> read_blocking_call(pid_t pid, pid_t tid);

/// CPU time since the thread's start, in per cent of one CPU.
[[nodiscard]] double cpu_percent(const os_thread& thread);
/// The same between two looks that lay `seconds` apart.
[[nodiscard]] double cpu_percent(const os_thread& before, const os_thread& after, double seconds);

/// "running", "sleeping", …; "unknown" for a letter of no known meaning.
[[nodiscard]] std::string_view thread_state_name(char state);

}  // namespace tasks::cli

#pragma once

/// What /proc says about processes. Every function fails softly: processes come and go while they are looked at.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "descriptor.hpp"

namespace tasks::cli {

using detail::descriptor;

struct process_stat {
  pid_t pid = 0;
  pid_t ppid = 0;
  std::string name;              ///< at most 15 bytes
  std::uint64_t start_time = 0;  ///< clock ticks from boot
  std::uint32_t threads = 0;
  std::uint64_t cpu_ticks = 0;  ///< in user and in kernel mode
  std::uint64_t rss_pages = 0;
  char state = 0;
};

/// The whole of a file; nothing when it cannot be opened or read (errno says why).
[[nodiscard]] std::optional<std::string> read_file(const char* path);
[[nodiscard]] std::optional<std::string> read_link(const char* path);

[[nodiscard]] std::optional<process_stat> read_stat(pid_t pid);
/// Of the text of a /proc/PID/stat; nothing when it is not one.
[[nodiscard]] std::optional<process_stat> parse_stat(std::string_view text);
[[nodiscard]] std::vector<pid_t> all_pids();
/// Threads of a process, in our pid namespace.
[[nodiscard]] std::vector<pid_t> all_tids(pid_t pid);
/// The process's id in the innermost pid namespace it is in: what it calls itself.
[[nodiscard]] pid_t innermost_pid(pid_t pid);
/// Path of the executable as the target sees it, without " (deleted)"; empty when it may not be known.
[[nodiscard]] std::string executable_of(pid_t pid);
/// False for kernel threads, and where it may not be known.
[[nodiscard]] bool has_executable(pid_t pid);
/// User id of a process; nothing when it is gone.
[[nodiscard]] std::optional<uid_t> owner_of(pid_t pid);
/// Seconds since a process with this start time began.
[[nodiscard]] double uptime_of(std::uint64_t start_time);

}  // namespace tasks::cli

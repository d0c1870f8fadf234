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
/// Of a thread of a process.
[[nodiscard]] std::optional<process_stat> read_stat(pid_t pid, pid_t tid);
/// Why no thread of a process goes on.
struct stop_cause {
  pid_t tracer = 0;   ///< the process that traces it; 0: none does, or it is not to be seen from here
  std::string words;  ///< "stopped by a signal", "stopped, traced by process 17 (gdb)"
};
/// Nothing: some thread of it goes on, or there is none. Job control stops it, or whoever traces it.
[[nodiscard]] std::optional<stop_cause> find_stop(pid_t pid);
/// Of one of which read_stat(pid) was just asked, likewise below: the kernel gathers what it says there anew each time.
[[nodiscard]] std::optional<stop_cause> find_stop(const process_stat& leader);
/// The process that traces a thread, in our pid namespace; 0: none does, or it is not to be seen from here.
[[nodiscard]] pid_t tracer_of(pid_t tid);
/// Has a process ended, by what read_stat(pid) says, and at most waits to be reaped? One whose main thread alone has
/// (pthread_exit(3)) has not.
[[nodiscard]] bool process_has_ended(const process_stat& stat) noexcept;
/// The thread by whose number the kernel tells of what a process has, its memory and its files: the main one or, where
/// that has ended, some other. Of a process that has ended: pid.
[[nodiscard]] pid_t living_thread(pid_t pid);
[[nodiscard]] pid_t living_thread(const process_stat& leader);
/// Has a thread ended, and at most waits to be reaped?
[[nodiscard]] bool has_ended(pid_t pid, pid_t tid);
/// A line of /proc/PID/status, of a process or a thread, without its name ("Uid") and the white space behind that.
[[nodiscard]] std::optional<std::string> status_line(pid_t pid, std::string_view name);
[[nodiscard]] std::vector<pid_t> all_pids();
/// Threads of a process, in our pid namespace.
[[nodiscard]] std::vector<pid_t> all_tids(pid_t pid);
/// The process's id in the innermost pid namespace it is in: what it calls itself.
[[nodiscard]] pid_t innermost_pid(pid_t pid);
/// What a process calls its threads. Asks the kernel for each only where the process has a pid namespace of its own.
class inner_numbers {
 public:
  explicit inner_numbers(pid_t pid) : differ_(innermost_pid(pid) != pid) {}
  [[nodiscard]] std::uint32_t of(pid_t tid) const {
    return static_cast<std::uint32_t>(differ_ ? innermost_pid(tid) : tid);
  }

 private:
  bool differ_;
};
/// Path of the executable as the target sees it, without " (deleted)"; empty when it may not be known.
[[nodiscard]] std::string executable_of(pid_t pid);
[[nodiscard]] std::string executable_of(const process_stat& leader);
/// Those lines of /proc/PID/maps that tell where which code is; empty where they may not be known.
[[nodiscard]] std::string executable_mappings(pid_t pid);
/// The words that a process was started with; empty where they may not be known.
[[nodiscard]] std::vector<std::string> command_line_of(pid_t pid);
/// Its working directory, as the target sees it; empty where it may not be known.
[[nodiscard]] std::string directory_of(pid_t pid);
/// False for kernel threads, and where it may not be known.
[[nodiscard]] bool has_executable(pid_t pid);
struct machine_name {
  std::string host;    ///< uname(2): nodename
  std::string system;  ///< "Linux 6.1.0 x86_64"
};
[[nodiscard]] machine_name this_machine();
/// User id of a process; nothing when it is gone.
[[nodiscard]] std::optional<uid_t> owner_of(pid_t pid);
/// Seconds since a process with this start time began.
[[nodiscard]] double uptime_of(std::uint64_t start_time);

}  // namespace tasks::cli

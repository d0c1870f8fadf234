#pragma once

/// What /proc says about processes. Every function fails softly: processes come and go while they are looked at.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tasks::cli {

/// A file descriptor that closes itself.
class unique_fd {
 public:
  unique_fd() = default;
  explicit unique_fd(int fd) noexcept : fd_(fd) {}
  unique_fd(unique_fd&& other) noexcept : fd_(other.release()) {}
  unique_fd& operator=(unique_fd&& other) noexcept;
  ~unique_fd();
  [[nodiscard]] int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  int release() noexcept;

 private:
  int fd_ = -1;
};

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

/// A listening Unix stream socket that has a path.
struct listening_socket {
  std::string path;
  std::uint64_t inode;
};
/// Of the network namespace of `pid`; of ours for 0.
[[nodiscard]] std::vector<listening_socket> listening_sockets(pid_t pid);

/// What an agent's name for its socket says.
struct agent_name {
  pid_t pid;
  std::vector<std::string> paths;  ///< where the socket may be by now
};
/// Does an agent name its sockets so? "…/tasks/PID", "…/tasks-UID/PID", each also with "-HEX". An agent binds its
/// socket as ".PID-HEX", by which the kernel goes on to list it, and links it to its name when it listens.
[[nodiscard]] std::optional<agent_name> agent_named_by(std::string_view socket_path);

}  // namespace tasks::cli

#pragma once

/// Sockets on which agents listen, as the kernel lists them.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tasks::cli {

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

#pragma once

/// Whose process is at the other end of a connection that does not leave this machine.

#include <sys/types.h>

#include <optional>

namespace tasks::cli {

/// User id of whoever made the socket that a connected one leads to, as our user namespace numbers users: of Unix
/// sockets by SO_PEERCRED, of TCP on a loopback address by sock_diag(7). Nothing: it comes from elsewhere (another
/// machine or network namespace), or the kernel does not tell.
[[nodiscard]] std::optional<uid_t> owner_of_peer(int socket);

}  // namespace tasks::cli

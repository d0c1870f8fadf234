#pragma once

/// Names in the directory of agents' sockets that nobody listens at any more.

#include <sys/un.h>

#include <string>

#include "descriptor.hpp"

namespace tasks::detail {

[[nodiscard]] descriptor new_unix_socket() noexcept;
/// False: the path is too long.
[[nodiscard]] bool fill(sockaddr_un& address, const std::string& path) noexcept;

enum class occupant { dead, this_process, another };
/// Who listens at `path`? Never waits: a full backlog is somebody's, too.
[[nodiscard]] occupant probe(const std::string& path) noexcept;

/// Removes what dead processes left in the directory that `path` lies in. Throws std::bad_alloc.
void remove_stale_names(const std::string& path);

}  // namespace tasks::detail

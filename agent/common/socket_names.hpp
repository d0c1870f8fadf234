#pragma once

/// How agents name their sockets in a directory:
///
///   PID             "4131"
///   PID-INSTANCE    "4131-9f00ab", where a process of another pid namespace has the same number
///   .PID-INSTANCE   as it is bound, before it listens and has one of those names

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tasks::detail {

struct socket_name {
  pid_t pid = 0;
  std::optional<std::uint64_t> instance;
  bool as_bound = false;
};

/// Throws std::bad_alloc.
[[nodiscard]] std::string text_of(const socket_name& name);
/// Nothing: no agent names a socket so.
[[nodiscard]] std::optional<socket_name> parse_socket_name(std::string_view text) noexcept;

}  // namespace tasks::detail

#pragma once

/// The directory of agents' sockets, and this process's place in it.
///
///   $TASKS_DIR, or $XDG_RUNTIME_DIR/tasks, or /tmp/tasks-<uid>    0700, ours, no symlink
///   └─ <pid>                                                      0600; or <pid>-<instance> where that is taken
///
/// A socket gets its name only once it listens, so that a name that refuses connections is a dead process's.

#include <cstdint>
#include <string>

#include "descriptor.hpp"
#include "tasks/detail/layout.hpp"

namespace tasks::detail {

struct listener {
  layout::agent_status status;  ///< starting when it listens, else why it does not
  int error;                    ///< errno, where a system call failed
  descriptor socket;            ///< listens, does not block, is closed by exec
  std::string path;
  std::uint64_t device;  ///< with `file`: what `path` names
  std::uint64_t file;
};

/// Makes the directory and the socket. Never blocks. Throws std::bad_alloc.
[[nodiscard]] listener open_listener(std::uint64_t instance);

/// Takes the name away, if it still names this listener's socket.
void remove_name(const listener& open) noexcept;

}  // namespace tasks::detail

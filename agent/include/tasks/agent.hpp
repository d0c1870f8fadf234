#pragma once

/// The agent: one thread and one local socket, which answer the `tasks` command for this process.
///
///   int main() {
///     tasks::agent agent;
///     …
///   }
///
/// Or link tasks::autostart, and write nothing. TASKS_AGENT=off in the environment switches it off.

#include <cstdint>
#include <string>

#include "tasks/detail/layout.hpp"
#include "tasks/stacks.hpp"

namespace tasks {

using layout::agent_status;

/// Answers as long as one exists. Several in one object (executable or shared library) share one thread and socket;
/// of several objects in a process the first answers for all.
class agent {
 public:
  /// Never throws, prints or blocks, and touches no signal handler, but for what TASKS_DUMP in the environment asks for
  /// (see dump.hpp); whether it worked says status().
  agent() noexcept;
  /// Stops answering, if it was the last. In the child of a fork does nothing to the parent's agent.
  ~agent();
  agent(const agent&) = delete;
  agent& operator=(const agent&) = delete;

  struct report {
    agent_status code;
    int error;         ///< errno, where code names something that failed; else 0
    std::string path;  ///< of the socket while it listens
  };
  /// What became of this object's agent. Any thread. Throws std::bad_alloc.
  [[nodiscard]] static report status();

 private:
  std::uint32_t generation_;  ///< of the process: a forked copy is not counted
};

}  // namespace tasks

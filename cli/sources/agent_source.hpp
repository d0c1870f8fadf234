#pragma once

#include <memory>

#include "sources/agent_connection.hpp"
#include "sources/snapshot_source.hpp"

namespace tasks::cli {

/// Connects to the agent of a process whose roots say where it listens; every kind of failure is an error of its own.
[[nodiscard]] result<std::unique_ptr<snapshot_source>> connect_to_agent(std::shared_ptr<target> process,
                                                                        const target_roots& roots,
                                                                        std::chrono::milliseconds timeout);

}  // namespace tasks::cli

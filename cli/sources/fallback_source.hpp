#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>

#include "sources/snapshot_source.hpp"

namespace tasks::cli {

/// The target's agent; where that does not answer in time, as in a process that hangs or is stopped, its memory, which
/// a line on standard error says.
[[nodiscard]] result<std::unique_ptr<snapshot_source>> open_agent_or_memory(pid_t pid,
                                                                            std::chrono::milliseconds timeout);

}  // namespace tasks::cli

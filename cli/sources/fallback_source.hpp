#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>

#include "sources/snapshot_source.hpp"

namespace tasks::cli {

/// The target's agent; its memory, where there is none or it does not answer in time, as in a process that hangs or is
/// stopped. `tell` is told when it comes to that.
[[nodiscard]] result<std::unique_ptr<snapshot_source>> open_agent_or_memory(pid_t pid,
                                                                            std::chrono::milliseconds timeout,
                                                                            teller tell);

}  // namespace tasks::cli

#pragma once

/// Snapshots of processes, and of cores, in which nobody tells of tasks: of what one look at them has found.

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "hookless/sightings.hpp"
#include "sources/memory_source.hpp"

namespace tasks::cli {

/// What is not looked for in such a process, a sentence without a period.
[[nodiscard]] std::string unknown_without_hook();

/// Threads that run are stopped while it is copied, unless `whom` lets them run: then tasks that change meanwhile are
/// left out, and `tell` gets how many. Those that sleep are left alone. Fails with `not_instrumented` where no
/// coroutine of it is known. `tell` gets what cannot be known of such a process. `seen`, `longest`: as
/// of find_tasks().
[[nodiscard]] result<std::unique_ptr<memory_source>> open_without_hook(
    pid_t pid, const teller& tell, std::shared_ptr<sightings> seen = nullptr,
    stop_order::whom whom = stop_order::whom::who_runs, std::optional<std::chrono::milliseconds> longest = {});
[[nodiscard]] result<std::unique_ptr<memory_source>> open_core_without_hook(std::shared_ptr<core_file> core,
                                                                            const teller& tell);

}  // namespace tasks::cli

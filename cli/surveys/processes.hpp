#pragma once

#include <chrono>

#include "tasks/v1/view.pb.h"

namespace tasks::cli {

/// Every instrumented process that this user may see, by pid. Agents are asked in parallel; one that sends no byte
/// for `timeout`, or has not finished after four times that, is SILENT and holds nobody else up. What is not counted
/// by then is not counted.
[[nodiscard]] v1::ListView list_processes(std::chrono::milliseconds timeout);

}  // namespace tasks::cli

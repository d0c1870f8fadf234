#pragma once

#include <chrono>
#include <functional>

#include "surveys/process_search.hpp"
#include "surveys/running_tasks.hpp"
#include "tasks/v1/agent.pb.h"
#include "tasks/v1/view.pb.h"

namespace tasks::cli {

/// Every instrumented process that this user may see, by pid. Agents are asked in parallel; one that sends no byte
/// for `timeout`, or has not finished after four times that, is SILENT and holds nobody else up. What is not counted
/// by then is not counted.
[[nodiscard]] v1::ListView list_processes(std::chrono::milliseconds timeout);

/// What an agent has told a moment ago.
struct counted_process {
  v1::Vitals counts;
  running_tasks running;
};
/// Likewise, but agents of those of whom `counted` knows are not asked. `search` is one for all lists, one after the
/// other.
[[nodiscard]] v1::ListView list_processes(std::chrono::milliseconds timeout, process_search& search,
                                          const std::function<const counted_process*(const process_stat&)>& counted);

}  // namespace tasks::cli

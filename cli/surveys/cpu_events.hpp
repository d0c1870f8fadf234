#pragma once

/// Samples threads by perf events: none of them is stopped.
///
///   an event of a thread ──> its registers and stack then ──┬──> its task, as it is a moment later
///                                                           └──> was it in that task? (target/task_evidence)
///
/// A sample of whose task that is not sure has none. Which tasks there are is looked at again and again, so that it is
/// known which had begun before a sample was taken.

#include <memory>

#include "surveys/cpu_samples.hpp"

namespace tasks::cli {

/// All must outlive it. Fails where the kernel allows no events of these threads, or where it could not be told which
/// tasks they run.
[[nodiscard]] result<std::unique_ptr<cpu_sampling>> sample_by_events(target& from, std::chrono::nanoseconds period,
                                                                     std::vector<sampled_thread>& threads,
                                                                     cpu_samples& to, cpu_profile& made);

}  // namespace tasks::cli

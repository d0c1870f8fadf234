#pragma once

/// Samples threads by stopping each for a moment.
///
///   tick ──> whose CPU time has grown, and who runs ──> stopped for a moment:  registers, stack, the task's record
///                                                       let go, and then:      walked, added up by stack
///
/// Who had no CPU when it was asked, but was waiting for one, is let go and is no sample: how often the thread was
/// given a CPU tells. A sample weighs the CPU time that its thread has had since the one before, as the kernel counts
/// it: what was missed is in the next one. Threads that sleep are not looked at.

#include <memory>

#include "surveys/cpu_samples.hpp"

namespace tasks::cli {

/// All must outlive it.
[[nodiscard]] std::unique_ptr<cpu_sampling> sample_by_stops(target& from, std::chrono::nanoseconds period,
                                                            cpu_samples& to, cpu_profile& made);

}  // namespace tasks::cli

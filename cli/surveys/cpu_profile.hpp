#pragma once

/// Where the threads of a process spend their CPU time, and for which task.
///
///   tick ──> whose CPU time has grown, and who runs ──> stopped for a moment:  registers, stack, the task's record
///                                                       let go, and then:      walked, added up by stack
///
/// Who had no CPU when it was asked, but was waiting for one, is let go and is no sample: how often the thread was
/// given a CPU tells. A sample weighs the CPU time that its thread has had since the one before, as the kernel counts
/// it: what was missed is in the next one. Threads that sleep are not looked at. Names of addresses are looked up when
/// all is over.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/error.hpp"
#include "target/target.hpp"
#include "tasks/v1/agent.pb.h"

namespace tasks::cli {

struct cpu_stack {
  std::vector<std::uint64_t> addresses;  ///< see unwound_stack
  std::optional<v1::Task> task;          ///< nothing: the thread runs none
  bool starts = false;                   ///< the thread starts an operation of the task, if its stack says so too
  std::string thread;                    ///< its name
  std::uint64_t samples = 0;
  std::uint64_t cpu_ns = 0;
};

struct cpu_profile {
  std::vector<cpu_stack> stacks;
  v1::Chunk locations;  ///< those of all tasks
  std::chrono::nanoseconds length{0};
  std::uint64_t threads = 0;  ///< that had some CPU time
  std::uint64_t samples = 0;
  std::uint64_t missed_ticks = 0;  ///< the profiler came too late for them
  std::uint64_t late_stops = 0;    ///< of threads that waited for a CPU when they were asked: no samples
  std::uint64_t sampled_ns = 0;    ///< what the samples weigh together
  std::uint64_t used_ns = 0;       ///< CPU time that the threads had in all
  std::uint64_t left_out = 0;      ///< samples of stacks for which there was no room
  std::chrono::nanoseconds mean_stop{0}, longest_stop{0};
  bool finds_tasks = false;  ///< the process has a hook, and it was seen which tasks threads run
  std::string ended;         ///< why it ended early: "it ended"; empty: it did not
};

struct cpu_options {
  std::chrono::nanoseconds period;
  std::chrono::nanoseconds length;
};

/// Samples until the time is over, `stop` is set, or the process ends or executes another program. Fails where nothing
/// could be sampled because the kernel lets nobody trace it, or because it is not there.
/// `from`: opens the files of its code first, so that names can be looked up when it has ended.
[[nodiscard]] result<cpu_profile> profile_cpu(target& from, const cpu_options& options, const std::atomic<bool>& stop);

/// Opens them.
void open_code(modules& code);

}  // namespace tasks::cli

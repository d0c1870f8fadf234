#pragma once

/// Where the threads of a process spend their CPU time, and for which task.
///
///   threads, as they come and go ──> sampled, by perf events or by stops ──> cpu_samples ──> added up by stack
///
/// Names of addresses are looked up when all is over.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "target/target.hpp"
#include "tasks/v1/agent.pb.h"

namespace tasks::cli {

struct cpu_stack {
  std::vector<std::uint64_t> addresses;  ///< see unwound_stack
  std::optional<v1::Task> task;          ///< nothing: the thread runs none, or it is not known which
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
  std::uint64_t sampled_ns = 0;  ///< what the samples weigh together
  std::uint64_t used_ns = 0;     ///< CPU time that the threads had in all
  std::uint64_t left_out = 0;    ///< samples of stacks for which there was no room
  bool finds_tasks = false;      ///< the process has a hook, and it was seen which tasks threads run
  std::string ended;             ///< why it ended early: "it ended"; empty: it did not
  bool by_events = false;        ///< false: by stops

  // By stops.
  std::uint64_t missed_ticks = 0;  ///< the profiler came too late for them
  std::uint64_t late_stops = 0;    ///< of threads that waited for a CPU when they were asked: no samples
  std::chrono::nanoseconds mean_stop{0}, longest_stop{0};
  std::string no_events;  ///< why not by events; empty: nobody asked for them

  // By events.
  std::uint64_t lost = 0;                  ///< samples for which the kernel had no room
  std::uint64_t untold = 0;                ///< samples in a task that was over, or another, when it was read
  std::uint64_t unsampled_threads = 0;     ///< began later, and could not be sampled
  std::chrono::nanoseconds mean_delay{0};  ///< from a sample to its task's being read
  bool samples_kernel = true;              ///< false: there are none of time in the kernel
};

/// How threads are sampled. Of `events_or_stops` it is by events, unless these are not allowed, or do not tell the task
/// of each tenth sample.
enum class sampling_way { events_or_stops, events, stops };

struct cpu_options {
  std::chrono::nanoseconds period;
  std::chrono::nanoseconds length;
  sampling_way way = sampling_way::events_or_stops;
};

/// Samples until the time is over, `stop` is set, or the process ends or executes another program. Fails where nothing
/// could be sampled because the kernel lets nobody, or because it is not there.
/// `from`: opens the files of its code first, so that names can be looked up when it has ended.
[[nodiscard]] result<cpu_profile> profile_cpu(target& from, const cpu_options& options, const std::atomic<bool>& stop);

/// Opens them.
void open_code(modules& code);

}  // namespace tasks::cli

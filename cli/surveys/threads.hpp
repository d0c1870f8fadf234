#pragma once

/// Everything that is known of a target's threads at one moment: who they are, which task each runs, and where.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "linux/thread_list.hpp"
#include "sources/snapshot_source.hpp"
#include "surveys/busy_places.hpp"
#include "surveys/lookups.hpp"
#include "surveys/running_tasks.hpp"
#include "surveys/selection.hpp"
#include "target/native_stack.hpp"
#include "target/target.hpp"
#include "tasks/v1/view.pb.h"

namespace tasks::cli {

/// What a thread has to do with a busy task.
struct resumed_task {
  const busy_place* place;  ///< of the survey
  task_resumer seen;
};

struct surveyed_thread {
  os_thread os;
  v1::ThreadView::Role role = v1::ThreadView::OTHER;
  std::optional<double> cpu_percent;
  std::optional<running_task> task;
  bool starts = false;  ///< it does not run the task, but the initiation of its operation
  /// Tasks that it resumes over and over, those first that it was seen to resume most often.
  std::vector<resumed_task> resumes;
  std::optional<resolver_thread> resolver;  ///< it looks up names for Asio
  native_stack stack;
  std::uint32_t mutex_owner = 0;  ///< who has locked the mutex that it waits for, as the target calls it; 0: not known
  std::string failure;            ///< why there is no stack
};

struct thread_survey {
  std::vector<surveyed_thread> threads;
  std::size_t total = 0;  ///< those too that were not asked for
  lookup_survey lookups;
  busy_survey busy;
  std::uint32_t resolution_ms = 0;  ///< of the tasks' ages
  std::chrono::nanoseconds longest_stop{0};
  std::vector<std::string> notes;  ///< what is missing and why
};

struct survey_options {
  bool stacks = true;                            ///< false: no thread is stopped
  std::chrono::milliseconds interval{0};         ///< over which CPU time is measured; 0: since each thread's start
  const std::vector<busy_task>* busy = nullptr;  ///< looked for already; null: they are now
  /// Threads that run such a task, or resume it over and over; of its threads: these themselves. Null: all.
  const selection* chosen = nullptr;
  bool all_frames = false;  ///< functions of Asio's and of the standard library are among those that are chosen by
};

/// `source` is where tasks are read from; null: no tasks are known. `from`: null where that is a recording.
/// Fails where the process is gone. All else that fails is noted.
[[nodiscard]] result<thread_survey> survey_threads(target* from, snapshot_source* source,
                                                   const survey_options& options);

/// `workers`: threads that have run tasks, as the target calls them.
[[nodiscard]] v1::ThreadView::Role role_of(const os_thread& thread, bool is_main, bool runs_task,
                                           const std::vector<std::uint32_t>& workers);

}  // namespace tasks::cli

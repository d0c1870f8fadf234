#pragma once

/// What one task waits for, and who could wake it.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proof/wait_graph.hpp"
#include "sources/snapshot_source.hpp"
#include "surveys/due.hpp"
#include "surveys/idle.hpp"
#include "surveys/lookups.hpp"
#include "surveys/resolver.hpp"
#include "surveys/running_stacks.hpp"

namespace tasks::cli {

struct known_task {
  v1::Task task;
  resolved meaning;
};

struct why_survey {
  known_task subject;
  std::uint32_t resolution_ms = 0;
  /// Without memory: only the subject, the tasks that it waits for, and how many wait beside it.
  wait_graph graph;
  wait_cycle cycle;
  finding proof;                              ///< `unchecked` without a reason: nothing to prove
  std::map<std::uint64_t, known_task> tasks;  ///< of the graph; those are missing that have ended since
  std::optional<due_task> due;                ///< the subject: its wait is over
  std::optional<idle_context> idle;           ///< has the channel that it waits on, and nothing pends there
  std::vector<busy_task> busy;                ///< the subject, if it never rests
  std::optional<stalled_worker> running;      ///< the subject, where it runs and its thread was looked at
  lookup_survey lookups;                      ///< where it waits for a name, or for tasks that may
  std::vector<std::string> notes;             ///< what is missing and why, a sentence each
  double stopped_ms = 0;
  std::vector<std::unique_ptr<resolver>> names;  ///< what the tasks' frames belong to
};

struct why_options {
  bool all_frames = false;
  bool memory = true;  ///< false: only what the source tells; nothing is stopped
  proof_stop stop = proof_stop::when_needed;
};

/// Fails with no_such_task where it is not there.
[[nodiscard]] result<why_survey> survey_wait(snapshot_source& source, std::uint64_t task, const why_options& options);

}  // namespace tasks::cli

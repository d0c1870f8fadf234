#pragma once

/// The vital signs of a target, and what is wrong with them.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "linux/proc.hpp"
#include "sources/snapshot_source.hpp"
#include "surveys/busy_places.hpp"
#include "surveys/deaths.hpp"
#include "surveys/due.hpp"
#include "surveys/idle.hpp"
#include "surveys/resolver.hpp"
#include "surveys/running_stacks.hpp"
#include "tasks/v1/agent.pb.h"

namespace tasks::cli {

/// Tasks that are blocked at the same place.
struct blocked_group {
  v1::Group group;
  resolved meaning;
};

/// Tasks that ended by the same exception at the same place.
struct failed_group {
  v1::Failure last;
  resolved meaning;  ///< of the last
  std::string type;  ///< readable
  std::size_t count = 0;
};

struct vitals_survey {
  v1::Vitals vitals;
  std::vector<blocked_group> on_channels;  ///< the largest first
  std::vector<blocked_group> on_timers;    ///< that never expire, likewise
  std::unique_ptr<resolver> names_of_timers;
  std::vector<stalled_worker> stalled;
  std::optional<surveyed_death> death;  ///< of a core; told in `findings`, too
  std::optional<stop_cause> stop;       ///< nothing stops it; told in `findings`, too
  std::vector<due_task> due;
  idle_survey idle;  ///< told in `findings`, too, if it is over
  busy_survey busy;
  std::vector<failed_group> failed;  ///< the last one first
  /// Theirs: they are told with their spawn sites, which would keep apart what is listed alike of the groups.
  std::unique_ptr<resolver> names_of_failed;
  std::vector<std::string> findings;  ///< what is wrong, a sentence each
  std::vector<std::string> notes;     ///< what may be, or not: a proof decides
  /// Operations that pend without a task, by kind, the most first; nothing: not looked for, or not known.
  std::optional<std::vector<std::pair<v1::Wait::Kind, std::uint64_t>>> callbacks;
  std::string unknown;  ///< what was not looked for, and why; empty: nothing was left out
};

struct vitals_options {
  std::chrono::milliseconds stalled_after{1000};  ///< longer than that nobody should run one task
  bool may_stop = true;                           ///< threads of stalled workers, for a moment each
  const due_survey* due = nullptr;                ///< looked for already; null: it is now
  const std::vector<busy_task>* busy = nullptr;   ///< likewise
};

/// `names` resolves the survey's frames and must outlive them.
[[nodiscard]] result<vitals_survey> survey_vitals(snapshot_source& source, resolver& names,
                                                  const vitals_options& options);

/// Copies the target's memory, for which threads that run are stopped. Leaves out what may not be looked at.
void count_callbacks(const snapshot_source& source, vitals_survey& to);

/// "no worker: 5 tasks wait, and no thread runs what would resume them".
[[nodiscard]] std::string no_workers(std::uint64_t blocked);
/// Tasks that are counted as blocked, without so many that never rest.
[[nodiscard]] std::uint64_t blocked_without(const v1::Vitals& counted, std::size_t busy);
/// What the counts alone say is wrong.
[[nodiscard]] std::vector<std::string> findings_of(const v1::Vitals& vitals);

}  // namespace tasks::cli

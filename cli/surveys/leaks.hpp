#pragma once

/// Which of a target's tasks leak.
///
///   snapshot ──twice, an interval apart──> what grows ──┐
///   memory   ──> proof ──> what never wakes ────────────┼──> groups, with a verdict each
///   threads  ──> who runs one task for too long ────────┘

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "proof/proof.hpp"
#include "sources/snapshot_source.hpp"
#include "surveys/due.hpp"
#include "surveys/leak_groups.hpp"
#include "surveys/resolver.hpp"

namespace tasks::cli {

struct leaks_options {
  std::chrono::milliseconds min_age{30'000};  ///< what has waited so long is listed, though nothing is wrong with it
  std::chrono::milliseconds interval{0};      ///< 0: what grows is not looked for
  std::chrono::milliseconds stalled_after{1000};
  std::size_t top = 20;  ///< groups
  bool all = false;      ///< waits by design too: for connections, signals, and timers that will fire
  bool prove = true;
  bool must_prove = false;  ///< fail unless all can be proven
  proof_stop stop = proof_stop::when_needed;
  std::optional<std::chrono::milliseconds> longest_stop;  ///< at a time; nothing: as long as it takes
  bool of_some = false;  ///< the source tells of some tasks alone, and what is counted of a proof is of those
  /// Made of the same moment already; null: it is made now.
  const result<proof_result>* proof = nullptr;
  const std::vector<due_task>* due = nullptr;  ///< looked for already; null: they are now
};

struct surveyed_leak {
  leak what_leaks;
  resolved meaning;
};

struct leak_survey {
  std::vector<surveyed_leak> leaks;   ///< the worst first
  bool of_some = false;               ///< told are those of some tasks alone
  std::size_t wrong = 0;              ///< groups that are proven, growing, stalled or due
  std::size_t left_out = 0;           ///< groups beyond `top`
  std::size_t by_design = 0;          ///< tasks that wait by design, which are not listed
  std::optional<proof_result> proof;  ///< nothing: none was made
  bool was_stopped_too_long = false;  ///< a thread was for longer than leaks_options::longest_stop
  bool lacks_hook = false;            ///< it never had a task: that nothing leaks is not known
  std::vector<std::string> notes;     ///< what is missing and why, a sentence each
  std::uint32_t resolution_ms = 0;
};

/// `names` resolves the survey's frames and must outlive them. Takes as long as the interval.
[[nodiscard]] result<leak_survey> survey_leaks(snapshot_source& source, resolver& names, const leaks_options& options);

}  // namespace tasks::cli

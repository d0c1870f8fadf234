#pragma once

/// What surveys look for in a target beside its tasks: in the target itself, or in what was recorded of such a look.
/// Of a source that has neither nothing is found.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "linux/proc.hpp"
#include "proof/proof.hpp"
#include "proof/wait_graph.hpp"
#include "sources/snapshot_source.hpp"
#include "surveys/busy.hpp"
#include "surveys/due.hpp"
#include "surveys/idle.hpp"
#include "surveys/lookups.hpp"
#include "surveys/operations.hpp"
#include "surveys/recorded_memory.hpp"

namespace tasks::cli {

/// As survey_due().
[[nodiscard]] due_survey look_for_due(const snapshot_source& source, bool no_workers = false, std::uint64_t asked = 0);
/// As find_idle().
[[nodiscard]] idle_survey look_for_idle(const snapshot_source& source);
/// As find_busy().
[[nodiscard]] std::vector<busy_task> look_for_busy(const snapshot_source& source);
/// As find_lookups().
[[nodiscard]] lookup_survey look_for_lookups(const snapshot_source& source);
/// Nothing: nobody stops it, or it does not live.
[[nodiscard]] std::optional<stop_cause> look_for_stop(const snapshot_source& source);
/// As prove().
[[nodiscard]] result<proof_result> look_for_proof(const snapshot_source& source, proof_stop stop,
                                                  std::optional<std::chrono::milliseconds> longest = {});
/// As look_at_wait().
[[nodiscard]] result<wait_story> look_for_wait(const snapshot_source& source, std::uint64_t task, proof_stop stop);
/// As frame_bytes().
[[nodiscard]] std::map<std::uint64_t, std::uint64_t> look_for_frame_bytes(const snapshot_source& source,
                                                                          const std::vector<std::uint64_t>& ids);
/// As survey_operations().
[[nodiscard]] result<operation_survey> look_for_operations(const snapshot_source& source);
/// What was recorded of it; fails of a target, whose memory can be looked at.
[[nodiscard]] result<recorded_memory> look_for_memory(const snapshot_source& source);
/// Its tasks were found without a hook.
[[nodiscard]] bool is_without_hook(const snapshot_source& source);
/// Of one with a hook that has no task: what to look after where it never had one, a sentence without a period.
/// Nothing: it had some.
[[nodiscard]] std::optional<std::string> look_for_missing_hook(snapshot_source& source);
/// As is_crowd().
[[nodiscard]] bool is_crowd(const snapshot_source& source);

}  // namespace tasks::cli

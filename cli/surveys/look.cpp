#include "surveys/look.hpp"

#include <algorithm>

#include "proof/frame_bytes.hpp"
#include "proof/target_proof.hpp"
#include "surveys/crowds.hpp"
#include "surveys/recorded_facts.hpp"
#include "surveys/recorded_operations.hpp"

namespace tasks::cli {

due_survey look_for_due(const snapshot_source& source, bool no_workers, std::uint64_t asked) {
  if (auto* from = source.from()) return survey_due(*from, no_workers, asked);
  due_survey found;
  const auto* then = source.recorded();
  if (then == nullptr) return found;
  for (const auto& each : then->due()) found.due.push_back(from_message(each));
  found.left.insert(then->left().begin(), then->left().end());
  found.nobody_runs = then->nobody_runs();
  return found;
}

idle_survey look_for_idle(const snapshot_source& source) {
  if (auto* from = source.from()) return find_idle(*from);
  idle_survey found;
  const auto* then = source.recorded();
  if (then == nullptr) return found;
  for (const auto& each : then->idle()) found.contexts.push_back(from_message(each));
  found.others = then->idle_others();
  return found;
}

std::vector<busy_task> look_for_busy(const snapshot_source& source) {
  if (auto* from = source.from()) return find_busy(*from);
  std::vector<busy_task> found;
  if (const auto* then = source.recorded())
    for (const auto& each : then->busy()) found.push_back(from_message(each));
  return found;
}

lookup_survey look_for_lookups(const snapshot_source& source) {
  if (auto* from = source.from()) return find_lookups(*from);
  const auto* then = source.recorded();
  return then != nullptr && then->lookups().of_tasks() ? from_message(then->lookups()) : lookup_survey();
}

std::optional<stop_cause> look_for_stop(const snapshot_source& source) {
  if (const auto* from = source.from()) return from->is_alive() ? find_stop(source.pid()) : std::nullopt;
  const auto* then = source.recorded();
  return then != nullptr && then->has_stop() ? std::optional(from_message(then->stop())) : std::nullopt;
}

result<proof_result> look_for_proof(const snapshot_source& source, proof_stop stop,
                                    std::optional<std::chrono::milliseconds> longest) {
  if (auto* from = source.from()) return prove(*from, stop, longest);
  const auto* then = source.recorded();
  if (then != nullptr && then->has_proof()) return from_message(then->proof());
  if (then != nullptr && then->has_no_proof()) return from_message(then->no_proof());
  return error{error_code::system, "", "there is no memory of it", then == nullptr ? "" : "record it --with leaks"};
}

result<wait_story> look_for_wait(const snapshot_source& source, std::uint64_t task, proof_stop stop) {
  if (auto* from = source.from()) return look_at_wait(*from, task, stop);
  const auto proof = look_for_proof(source, stop);
  if (!proof) return proof.why();
  wait_story story;
  for (const auto& found : proof->findings)
    if (found.task == task) story.proof = proof->tell(found);
  story.graph = part_of(from_message(source.recorded()->graph()), task);
  if (story.graph.tasks.empty()) return error{error_code::system, "", "it was one of too many to be recorded", ""};
  story.unread = proof->unread;
  story.stopped_ms = proof->stopped_ms;
  return story;
}

std::map<std::uint64_t, std::uint64_t> look_for_frame_bytes(const snapshot_source& source,
                                                            const std::vector<std::uint64_t>& ids) {
  if (const auto* from = source.from()) return frame_bytes(*from, ids);
  std::map<std::uint64_t, std::uint64_t> found;
  if (const auto* then = source.recorded())
    for (const auto& each : then->frame_bytes())
      if (std::binary_search(ids.begin(), ids.end(), each.task())) found.emplace(each.task(), each.bytes());
  return found;
}

result<operation_survey> look_for_operations(const snapshot_source& source) {
  if (auto* from = source.from()) return survey_operations(*from);
  const auto* then = source.recorded();
  if (then != nullptr && then->has_operations()) return from_message(then->operations());
  if (then != nullptr && then->has_no_operations()) return from_message(then->no_operations());
  return error{error_code::system, "", "operations were not recorded, only how many there are of a kind",
               "record it --with operations; tasks vitals --details shows how many"};
}

result<recorded_memory> look_for_memory(const snapshot_source& source) {
  const auto* then = source.recorded();
  if (then != nullptr && then->has_memory()) return recorded_memory(then->memory());
  if (then != nullptr && then->has_no_memory()) return from_message(then->no_memory());
  return error{error_code::system, "", "its memory was not recorded",
               "record it --with memory; tasks leaks --from shows the frames' bytes of what was leaked"};
}

bool is_without_hook(const snapshot_source& source) {
  if (const auto* from = source.from()) return !from->has_hook();
  return source.recorded() != nullptr && !source.recorded()->has_hook();
}

std::optional<std::string> look_for_missing_hook(snapshot_source& source) {
  if (is_without_hook(source)) return std::nullopt;
  const auto vitals = source.vitals(true, [](const v1::Chunk&) { return true; });
  if (!vitals || vitals->tasks() + vitals->ended() + vitals->lost() != 0) return std::nullopt;
  return "no task since its start: is tasks::asio linked into what spawns them? --no-hook shows those without";
}

bool is_crowd(const snapshot_source& source) {
  if (const auto* from = source.from()) return is_crowd(*from);
  return source.recorded() != nullptr && source.recorded()->crowd();
}

}  // namespace tasks::cli

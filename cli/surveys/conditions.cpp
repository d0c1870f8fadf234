#include "surveys/conditions.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/quantities.hpp"
#include "base/words.hpp"
#include "proof/target_proof.hpp"
#include "surveys/resolver.hpp"
#include "surveys/vitals.hpp"

namespace tasks::cli {
namespace {

using condition_answer = result<std::optional<std::string>>;

condition_answer look_for_count(snapshot_source& source, const condition& what) {
  const auto vitals = source.vitals(true, [](const v1::Chunk&) { return true; });
  if (!vitals) return vitals.why();
  const bool of_all = what.what == condition::of::tasks;
  const auto count = of_all ? vitals->tasks() : vitals->blocked();
  if (count <= what.most) return std::optional<std::string>();
  return std::optional(fmt::format("{}{}, more than {}", number_and_noun(count, "task"), of_all ? "" : " blocked",
                                   in_thousands(what.most)));
}

condition_answer look_for_stall(snapshot_source& source, const condition& what) {
  resolver names(source, {.all_frames = false, .spawn_sites = false});
  const auto survey = survey_vitals(source, names, {.stalled_after = what.time});
  if (!survey) return survey.why();
  if (survey->stalled.empty()) return std::optional<std::string>();
  return std::optional(finding_of(survey->stalled.front()));
}

condition_answer look_for_long_wait(snapshot_source& source, const condition& what) {
  v1::StacksRequest query;
  query.set_grouped(true);
  query.add_states(v1::Task::BLOCKED);
  query.add_kinds(what.kind);
  std::uint64_t oldest_ms = 0, unknown = 0;
  const auto read = source.stacks(query, [&](const v1::Chunk& chunk) {
    for (const auto& group : chunk.groups()) {
      if (group.age_unknown())
        unknown += group.count();
      else
        oldest_ms = std::max<std::uint64_t>(oldest_ms, group.oldest_ms());
    }
    return true;
  });
  if (!read) return read.why();
  if (oldest_ms > static_cast<std::uint64_t>(what.time.count()))
    return std::optional(fmt::format("a task waits for {} since {}", kind_name(what.kind), format_age(oldest_ms, 0)));
  if (unknown != 0)
    return error{error_code::system, subject_of(source.pid()),
                 fmt::format("how long tasks wait for {} is not known: it has no hook", kind_name(what.kind)), ""};
  return std::optional<std::string>();
}

condition_answer look_for_new_leaks(snapshot_source& source, condition& what) {
  if (source.from() == nullptr) return std::optional<std::string>();
  const auto proof = prove(*source.from(), proof_stop::when_needed);
  if (!proof) return proof.why();
  const std::uint64_t before = what.most;
  what.most = proof->proven;
  if (proof->proven <= before) return std::optional<std::string>();
  return std::optional(number_and_noun(proof->proven, "leaked task"));
}

}  // namespace

result<std::optional<std::string>> look_for(snapshot_source& source, condition& what) {
  switch (what.what) {
    case condition::of::tasks:
    case condition::of::blocked:
      return look_for_count(source, what);
    case condition::of::stalled:
      return look_for_stall(source, what);
    case condition::of::blocked_for:
      return look_for_long_wait(source, what);
    case condition::of::leaks:
      return look_for_new_leaks(source, what);
  }
  return std::optional<std::string>();
}

}  // namespace tasks::cli

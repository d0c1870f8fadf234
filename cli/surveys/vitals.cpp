#include "surveys/vitals.hpp"

#include <fmt/format.h>

namespace tasks::cli {

std::vector<std::string> findings_of(const v1::Vitals& vitals) {
  std::vector<std::string> findings;
  if (vitals.deadlock_hint()) {
    findings.push_back(fmt::format(
        "deadlock: all {} tasks are blocked on channels and nothing is pending that could wake them", vitals.tasks()));
  }
  if (vitals.lost() != 0) {
    findings.push_back(fmt::format("{} tasks are in no count: the registry found no memory for them", vitals.lost()));
  }
  return findings;
}

result<vitals_survey> survey_vitals(snapshot_source& source, resolver& names, std::chrono::milliseconds stalled_after) {
  vitals_survey survey;
  auto vitals = source.vitals(false, [&](const v1::Chunk& chunk) {
    names.learn(chunk);
    for (const auto& group : chunk.groups()) {
      auto& kept = survey.on_channels.emplace_back();
      kept.group = group;
      names.resolve(group, kept.meaning);
    }
    return true;
  });
  if (!vitals) return vitals.why();
  survey.vitals = *std::move(vitals);
  survey.findings = findings_of(survey.vitals);
  if (survey.vitals.running() == 0) return survey;
  auto stacks = running_stacks::look(source, static_cast<std::uint64_t>(stalled_after.count()));
  if (!stacks) return stacks.why();
  survey.stalled = stalled_workers(*stacks);
  for (const auto& stalled : survey.stalled) survey.findings.push_back(finding_of(stalled));
  return survey;
}

}  // namespace tasks::cli

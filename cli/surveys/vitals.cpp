#include "surveys/vitals.hpp"

#include <fmt/format.h>

#include <utility>

#include "linux/proc.hpp"
#include "names.hpp"
#include "surveys/group_keys.hpp"
#include "target/target.hpp"

namespace tasks::cli {

namespace {

void add_failure(const v1::Failure& failure, resolver& names, std::vector<failed_group>& to) {
  v1::Task ended;  // as it was when it ended
  ended.set_id(failure.task());
  if (failure.location() != 0) ended.add_frames(failure.location());
  ended.set_spawn_path(failure.spawn_path());
  ended.set_spawn_location(failure.spawn_location());
  ended.set_spawn_outer_location(failure.spawn_outer_location());
  failed_group made{failure, {}, detail::readable_type(failure.type()), 1};
  names.resolve(ended, made.meaning);
  const auto place_of = [](const failed_group& of) {
    return of.meaning.frames.empty() ? nullptr : of.meaning.frames.front().location;
  };
  for (auto& known : to) {
    if (known.type != made.type || known.last.message() != failure.message() || place_of(known) != place_of(made))
      continue;
    ++known.count;
    return;
  }
  to.push_back(std::move(made));
}

}  // namespace

std::vector<std::string> findings_of(const v1::Vitals& vitals) {
  std::vector<std::string> findings;
  if (vitals.lost() != 0) {
    findings.push_back(fmt::format("{} tasks are in no count: the registry found no memory for them", vitals.lost()));
  }
  return findings;
}

result<vitals_survey> survey_vitals(snapshot_source& source, resolver& names, std::chrono::milliseconds stalled_after) {
  vitals_survey survey;
  alike_groups groups(names);
  std::vector<v1::Failure> failures;
  survey.names_of_failed = std::make_unique<resolver>(source, resolver_options{});
  auto vitals = source.vitals(false, [&](const v1::Chunk& chunk) {
    names.learn(chunk);
    groups.add(chunk);
    survey.names_of_failed->learn(chunk);
    failures.insert(failures.end(), chunk.failures().begin(), chunk.failures().end());
    return true;
  });
  if (!vitals) return vitals.why();
  for (auto& group : groups.finish()) {
    auto& kept = survey.on_channels.emplace_back();
    kept.group = std::move(group);
    names.resolve(kept.group, kept.meaning);
  }
  for (const auto& failure : failures) add_failure(failure, *survey.names_of_failed, survey.failed);
  survey.vitals = *std::move(vitals);
  survey.findings = findings_of(survey.vitals);
  if (const auto* from = source.from(); from != nullptr && from->is_alive() && !from->is_still())
    if (const auto how = how_stopped(source.pid()); !how.empty()) survey.findings.push_back("it is " + how);
  if (survey.vitals.all_on_channels())
    survey.notes.emplace_back("every task waits on a channel, and only callbacks or other threads can wake them");
  if (auto* from = source.from()) survey.due = find_due(*from);
  for (auto& finding : findings_of(survey.due)) survey.findings.push_back(std::move(finding));
  if (survey.vitals.running() == 0) return survey;
  auto stacks = running_stacks::look(source, static_cast<std::uint64_t>(stalled_after.count()));
  if (!stacks) return stacks.why();
  survey.stalled = stalled_workers(*stacks);
  for (const auto& stalled : survey.stalled) survey.findings.push_back(finding_of(stalled));
  return survey;
}

}  // namespace tasks::cli

#include "surveys/vitals.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/quantities.hpp"
#include "base/text.hpp"
#include "names.hpp"
#include "surveys/crowds.hpp"
#include "surveys/group_keys.hpp"
#include "surveys/look.hpp"
#include "surveys/lookups.hpp"
#include "surveys/operations.hpp"
#include "surveys/without_hook.hpp"
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
  failed_group made{failure, {}, clean(detail::readable_type(failure.type())), 1};
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

std::vector<blocked_group> with_names(std::vector<v1::Group> groups, resolver& names) {
  std::vector<blocked_group> named;
  for (auto& group : groups) {
    auto& kept = named.emplace_back();
    kept.group = std::move(group);
    names.resolve(kept.group, kept.meaning);
  }
  return named;
}

/// Waits that nothing but a cancellation ends, as those on channels end by their other side only.
result<std::vector<blocked_group>> on_timers_that_never_expire(snapshot_source& source, resolver& names) {
  alike_groups groups(names, true);
  v1::StacksRequest query;
  query.add_states(v1::Task::BLOCKED);
  query.add_kinds(v1::Wait::TIMER);
  const auto read = source.stacks(query, [&](const v1::Chunk& chunk) {
    auto kept = chunk;
    auto& tasks = *kept.mutable_tasks();
    const auto ends = [](const v1::Task& task) { return !task.wait().never_expires(); };
    tasks.erase(std::remove_if(tasks.begin(), tasks.end(), ends), tasks.end());
    names.learn(kept);
    groups.add(kept);
    return true;
  });
  if (!read) return read.why();
  return with_names(groups.finish(), names);
}

/// A thread whose run() has returned is no worker any more; a process without one that has tasks is stuck.
void add_due(due_survey looked, vitals_survey& to) {
  auto& vitals = to.vitals;
  vitals.set_workers(vitals.workers() - std::min(vitals.workers(), static_cast<std::uint32_t>(looked.left.size())));
  if (looked.nobody_runs && vitals.workers() == 0 && vitals.blocked() != 0)
    to.findings.push_back(no_workers(vitals.blocked()));
  for (auto& finding : findings_of(looked.due)) to.findings.push_back(std::move(finding));
  to.due = std::move(looked.due);
}

void add_idle(const snapshot_source& source, vitals_survey& to) {
  // Where anything else goes on, or is waited for, nothing would be found.
  if (to.vitals.tasks() != 0 && !to.vitals.all_on_channels()) return;
  to.idle = look_for_idle(source);
  if (!to.idle.is_over()) return;
  for (auto& finding : findings_of(to.idle)) to.findings.push_back(std::move(finding));
}

/// A task that never rests waits in each snapshot, and waits for nothing.
void add_busy(const std::vector<busy_task>& busy, snapshot_source& source, vitals_survey& to) {
  to.vitals.set_blocked(blocked_without(to.vitals, busy.size()));
  to.busy = name_busy(busy, source);
  for (auto& finding : findings_of(to.busy.tasks)) to.findings.push_back(std::move(finding));
}

}  // namespace

void count_callbacks(const snapshot_source& source, vitals_survey& to) {
  if (const auto* then = source.recorded(); then != nullptr && then->has_callbacks()) {
    auto& kinds = to.callbacks.emplace();
    for (const auto& each : then->callbacks().counts()) kinds.emplace_back(each.kind(), each.count());
  }
  if (source.from() == nullptr || is_crowd(source)) return;
  auto& from = *source.from();
  const auto survey = survey_operations(from, false);
  if (!survey || survey->contexts.empty()) return;
  auto& kinds = to.callbacks.emplace();
  for (const auto& each : survey->operations) {
    if (each.of_task) continue;
    auto known = std::find_if(kinds.begin(), kinds.end(), [&](const auto& kind) { return kind.first == each.kind; });
    if (known == kinds.end()) known = kinds.insert(kinds.end(), {each.kind, 0});
    ++known->second;
  }
  std::stable_sort(kinds.begin(), kinds.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
}

std::string no_workers(std::uint64_t blocked) {
  return fmt::format("no worker: {} and no thread runs what would resume {}",
                     blocked == 1 ? "a task waits," : fmt::format("{} tasks wait,", blocked),
                     blocked == 1 ? "it" : "them");
}

std::uint64_t blocked_without(const v1::Vitals& counted, std::size_t busy) {
  // Whichever of them did not run when the tasks were counted.
  const auto waited = busy - std::min<std::uint64_t>(busy, counted.running());
  return counted.blocked() - std::min<std::uint64_t>(counted.blocked(), waited);
}

std::vector<std::string> findings_of(const v1::Vitals& vitals) {
  std::vector<std::string> findings;
  if (vitals.lost() != 0) {
    findings.push_back(fmt::format("{} {} in no count: the registry found no memory for {}",
                                   number_and_noun(vitals.lost(), "task"), vitals.lost() == 1 ? "is" : "are",
                                   vitals.lost() == 1 ? "it" : "them"));
  }
  if (vitals.registry_damaged())
    findings.emplace_back("its registry is damaged or cannot be read in part: tasks of the rest are counted");
  return findings;
}

result<vitals_survey> survey_vitals(snapshot_source& source, resolver& names, const vitals_options& options) {
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
  survey.on_channels = with_names(groups.finish(), names);
  for (const auto& failure : failures) add_failure(failure, *survey.names_of_failed, survey.failed);
  survey.vitals = *std::move(vitals);
  survey.findings = findings_of(survey.vitals);
  survey.death = survey_death(source);
  if (survey.death) survey.findings.insert(survey.findings.begin(), in_words(*survey.death));
  survey.stop = look_for_stop(source);
  if (survey.stop) survey.findings.push_back("it is " + survey.stop->words);
  if (survey.vitals.all_on_channels())
    survey.notes.emplace_back("every task waits on a channel, and only callbacks or other threads can wake them");
  const auto before_due = survey.findings.size();
  if (is_without_hook(source)) survey.unknown = unknown_without_hook();
  if (survey.vitals.tasks() == 0) survey.unknown = look_for_missing_hook(source).value_or(survey.unknown);
  if (is_crowd(source)) {
    survey.unknown = unknown_of_crowds();
  } else if (survey.vitals.blocked() != survey.vitals.blocked_on_channels()) {
    survey.names_of_timers = std::make_unique<resolver>(source, resolver_options{.spawn_sites = false});
    auto on_timers = on_timers_that_never_expire(source, *survey.names_of_timers);
    if (!on_timers) return on_timers.why();
    survey.on_timers = *std::move(on_timers);
  }
  const auto& counted = survey.vitals;
  add_due(options.due ? *options.due : look_for_due(source, counted.workers() == 0 && counted.blocked() != 0), survey);
  if (!survey.stop) add_idle(source, survey);
  for (auto& finding : findings_of(look_for_lookups(source), survey.vitals.tick_resolution_ms()))
    survey.findings.push_back(std::move(finding));
  add_busy(options.busy ? *options.busy : look_for_busy(source), source, survey);
  // For how long a task has run tells nothing of a process that was stopped meanwhile.
  if (survey.vitals.running() == 0 || survey.stop) return survey;
  auto stacks =
      running_stacks::look(source, static_cast<std::uint64_t>(options.stalled_after.count()), options.may_stop);
  if (!stacks) return stacks.why();
  survey.stalled = stalled_workers(*stacks);
  // Before whom they keep waiting.
  std::vector<std::string> stalled;
  for (const auto& each : survey.stalled) stalled.push_back(finding_of(each));
  survey.findings.insert(survey.findings.begin() + static_cast<std::ptrdiff_t>(before_due), stalled.begin(),
                         stalled.end());
  return survey;
}

}  // namespace tasks::cli

#include "views/vitals.hpp"

#include <algorithm>
#include <iterator>

#include "base/prose.hpp"
#include "base/quantities.hpp"
#include "base/table.hpp"
#include "base/text.hpp"
#include "base/words.hpp"
#include "views/frames.hpp"
#include "views/json.hpp"

namespace tasks::cli {
namespace {

void fill_view(const stalled_worker& stalled, v1::StalledView& view) {
  view.set_tid(static_cast<std::uint32_t>(stalled.tid));
  view.set_task_id(stalled.task.id);
  view.set_seconds(static_cast<double>(stalled.task.age_ms) / 1000);
  if (stalled.frame) fill_view(*stalled.frame, *view.mutable_frame());
  view.set_looks_up_by(stalled.looks_up_by);
}

void fill_view(const surveyed_death& death, v1::DeathView& view) {
  view.set_signal(signal_name(death.how.signal));
  if (death.how.address) view.set_address(fmt::format("{:#x}", *death.how.address));
  view.set_tid(static_cast<std::uint32_t>(death.how.tid));
  if (death.task) view.set_task_id(death.task->id);
  view.set_starts_operation(death.starts);
  if (death.frame) fill_view(*death.frame, *view.mutable_frame());
}

/// "consume(std::shared_ptr<chan>) pool.cpp:14": the function that the exception ended.
std::string function_of(const failed_group& failed) {
  const frame* f = failed.meaning.frames.empty() ? nullptr : failed.meaning.frames.front().location;
  if (!f || f->function.empty()) return "<unknown>";
  const auto where = place(*f);
  return where.empty() ? f->function : f->function + " " + where;
}

void render_failures(fmt::memory_buffer& out, const vitals_survey& survey, bool details,
                     const render_context& context) {
  const auto& vitals = survey.vitals;
  if (vitals.failed() == 0 && !(details && vitals.ended() != 0)) return;
  fmt::format_to(std::back_inserter(out), "\nended by an exception: {} of {} that ended", vitals.failed(),
                 vitals.ended() == 1 ? "1 task" : fmt::format("{} tasks", vitals.ended()));
  if (vitals.cancelled() != 0)
    fmt::format_to(std::back_inserter(out), "; {} more by a cancelled operation", vitals.cancelled());
  out.push_back('\n');
  constexpr std::size_t most_shown = 5;
  std::size_t shown = 0;
  for (const auto& failed : survey.failed) {
    if (!details && shown++ == most_shown) {
      append(out, fmt::format("  … {} more kinds: --details\n", survey.failed.size() - most_shown));
      break;
    }
    append(out, "  ");
    if (failed.count > 1) append(out, fmt::format("{} × ", failed.count));
    append(out, fmt::format("{}, {}", function_of(failed), failed.type.empty() ? "unknown exception" : failed.type));
    if (!failed.last.message().empty()) {
      append(out, ": ");
      append_foreign(out, failed.last.message());
    }
    append(out, fmt::format(", {} ago", format_age(failed.last.age_ms(), context.resolution_ms)));
    if (const auto spawned = spawn_words(failed.meaning); !spawned.empty()) append(out, ", spawned" + spawned);
    out.push_back('\n');
  }
}

void fill_view(const idle_survey& idle, v1::VitalsView& view) {
  for (const auto& each : idle.contexts) {
    auto& to = *view.add_idle_contexts();
    to.set_address(fmt::format("{:#x}", each.address));
    to.set_tasks(each.tasks.size());
    if (each.guards != 0) to.set_guards(each.guards);
    to.set_threads(static_cast<std::uint32_t>(each.threads));
    to.set_other_threads(static_cast<std::uint32_t>(idle.others));
  }
  if (idle.is_over()) return;
  for (const auto& note : findings_of(idle)) view.add_notes(note);
}

void fill_view(const failed_group& failed, v1::FailureView& view) {
  view.set_task_id(failed.last.task());
  if (!failed.meaning.frames.empty()) fill_view(failed.meaning.frames.front(), *view.mutable_frame());
  if (const auto* at = failed.meaning.spawned_at) fill_view(shown_frame{at, false}, *view.mutable_spawned_at());
  if (const auto* after = failed.meaning.spawned_after)
    fill_view(shown_frame{after, false}, *view.mutable_spawned_after());
  view.set_type(failed.type);
  view.set_message(failed.last.message());
  view.set_seconds_ago(seconds(failed.last.age_ms()));
  view.set_count(failed.count);
}

std::uint64_t count_of(const std::vector<blocked_group>& groups) {
  std::uint64_t tasks = 0;
  for (const auto& each : groups) tasks += each.group.count();
  return tasks;
}

void render_groups(fmt::memory_buffer& out, const std::vector<blocked_group>& groups, const render_context& context) {
  std::vector<table_row> rows;
  std::size_t width = 1;
  for (const auto& [group, meaning] : groups) width = std::max(width, std::to_string(group.count()).size());
  for (const auto& [group, meaning] : groups) {
    // The outermost frame that is shown names them.
    const frame* root = meaning.frames.empty() ? nullptr : meaning.frames.back().location;
    const auto age =
        group.age_unknown() ? age_words(group, context) : ", " + format_age(group.oldest_ms(), context.resolution_ms);
    rows.push_back({fmt::format("{:>{}} × {}{}", group.count(), width, kind_name(group.wait().kind()), age),
                    root && !root->function.empty() ? root->function : "<unknown>", root ? place(*root) : ""});
  }
  render_table(out, {{}, {false, 0, true}, {}}, rows, "  ", context.style);
}

}  // namespace

void render_vitals(fmt::memory_buffer& out, const vitals_survey& survey, bool details, const render_context& context) {
  const auto& vitals = survey.vitals;
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "tasks: {}\nOS threads: {}\nworkers: {}\nnum CPU: {}\n", vitals.tasks(), vitals.os_threads(),
                 vitals.workers(), vitals.cpus() == 0 ? "not known" : std::to_string(vitals.cpus()));
  if (details) {
    // What a core does not tell is no nought.
    const bool measured = vitals.cpus() != 0;
    const std::string unknown = "not known";
    fmt::format_to(
        to, "\nrunning: {}\nblocked: {}\nready: {}\nRSS: {}\nCPU time: {}\nuptime: {}\n", vitals.running(),
        vitals.blocked(), vitals.ready(), vitals.rss_bytes() != 0 ? format_bytes(vitals.rss_bytes()) : unknown,
        measured || vitals.cpu_time_ms() != 0 ? fmt::format("{:.1f}s", static_cast<double>(vitals.cpu_time_ms()) / 1000)
                                              : unknown,
        measured || vitals.uptime_ms() != 0 ? format_age(vitals.uptime_ms(), 0) : unknown);
    fmt::format_to(to, "CPUs in affinity mask: {}\n",
                   vitals.cpus_in_affinity_mask() != 0 ? std::to_string(vitals.cpus_in_affinity_mask()) : unknown);
    if (vitals.cpu_quota_millis() != 0) {
      fmt::format_to(to, "CPU quota: {:.2f}\n", static_cast<double>(vitals.cpu_quota_millis()) / 1000);
    }
  }
  if (details && survey.callbacks) {
    std::uint64_t count = 0;
    std::string kinds;
    for (const auto& [kind, of_kind] : *survey.callbacks) {
      count += of_kind;
      kinds += fmt::format("{}{} {}", kinds.empty() ? " (" : ", ", of_kind, kind_name(kind));
    }
    fmt::format_to(to, "operations without a task: {}{}{}\n", count, kinds, kinds.empty() ? "" : ")");
  }
  fmt::format_to(to, "\nblocked on channels: {}\n", vitals.blocked_on_channels());
  render_groups(out, survey.on_channels, context);
  if (const auto on_timers = count_of(survey.on_timers); on_timers != 0) {
    fmt::format_to(to, "\nblocked on timers that never expire: {}\n", on_timers);
    render_groups(out, survey.on_timers, context);
  }
  render_failures(out, survey, details, context);
  // Which may be as it should be.
  const auto idle = survey.idle.is_over() ? std::vector<std::string>() : findings_of(survey.idle);
  if (!survey.findings.empty() || !survey.notes.empty() || !idle.empty()) out.push_back('\n');
  for (const auto& finding : survey.findings) {
    fmt::memory_buffer line;
    append_colored(line, yellow, "! " + finding, context.style);
    append_prose(out, {line.data(), line.size()}, context.style);
  }
  for (const auto& note : survey.notes)
    append_prose(out, note + ": tasks leaks " + target_words(context) + " decides", context.style);
  for (const auto& each : idle) append_prose(out, each, context.style);
  if (survey.unknown.empty()) return;
  out.push_back('\n');
  append_prose(out, survey.unknown, context.style);
}

void fill_view(const vitals_survey& survey, v1::VitalsView& view) {
  const auto& vitals = survey.vitals;
  view.set_tasks(vitals.tasks());
  view.set_running(vitals.running());
  view.set_blocked(vitals.blocked());
  view.set_ready(vitals.ready());
  view.set_os_threads(vitals.os_threads());
  view.set_workers(vitals.workers());
  view.set_cpus(vitals.cpus());
  view.set_blocked_on_channels(vitals.blocked_on_channels());
  view.set_cpus_in_affinity_mask(vitals.cpus_in_affinity_mask());
  view.set_cpu_quota(static_cast<double>(vitals.cpu_quota_millis()) / 1000);
  view.set_rss_bytes(vitals.rss_bytes());
  view.set_cpu_seconds(seconds(vitals.cpu_time_ms()));
  view.set_uptime_seconds(seconds(vitals.uptime_ms()));
  view.set_all_on_channels(vitals.all_on_channels());
  view.set_tick_resolution_seconds(seconds(vitals.tick_resolution_ms()));
  view.set_lost_tasks(vitals.lost());
  for (const auto& [group, meaning] : survey.on_channels) fill_view(group, meaning, *view.add_blocked_channels());
  view.set_blocked_on_timers(count_of(survey.on_timers));
  for (const auto& [group, meaning] : survey.on_timers) fill_view(group, meaning, *view.add_blocked_timers());
  for (const auto& stalled : survey.stalled) fill_view(stalled, *view.add_stalled());
  if (survey.death) fill_view(*survey.death, *view.mutable_death());
  for (const auto& finding : survey.findings) view.add_findings(finding);
  for (const auto& note : survey.notes) view.add_notes(note);
  fill_view(survey.idle, view);
  if (!survey.unknown.empty()) view.add_notes(survey.unknown);
  view.set_ended_tasks(vitals.ended());
  view.set_failed_tasks(vitals.failed());
  view.set_cancelled_tasks(vitals.cancelled());
  for (const auto& failed : survey.failed) fill_view(failed, *view.add_failures());
  if (survey.callbacks) {
    std::uint64_t all = 0;
    for (const auto& [kind, count] : *survey.callbacks) {
      all += count;
      auto& to = *view.add_callback_kinds();
      to.set_kind(kind);
      to.set_count(count);
    }
    view.set_callbacks(all);
  }
  if (survey.stop) view.set_stopped(survey.stop->words);
  if (survey.stop && survey.stop->tracer != 0) view.set_tracer_pid(static_cast<std::uint32_t>(survey.stop->tracer));
  for (const auto& due : survey.due) fill_view(due, *view.add_due());
  for (const auto& [busy, meaning] : survey.busy.tasks) {
    auto& to = *view.add_busy();
    fill_view(busy, to);
    if (!meaning.frames.empty()) fill_view(meaning.frames.front(), *to.mutable_frame());
  }
}

}  // namespace tasks::cli

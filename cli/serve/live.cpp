#include "serve/live.hpp"

#include <algorithm>
#include <vector>

#include "base/words.hpp"
#include "views/json.hpp"

namespace tasks::cli {
namespace {

constexpr std::int64_t hour_ms = 3'600'000;

std::string_view teller_name(process_metrics::teller who) {
  switch (who) {
    case process_metrics::teller::agent:
      return "agent";
    case process_metrics::teller::memory:
      return "memory";
    case process_metrics::teller::nobody:
      break;
  }
  return "nobody";
}

/// As --kind takes it.
std::string kind_option(v1::Wait::Kind kind) {
  if (kind == v1::Wait::KIND_UNSPECIFIED) return {};
  std::string word(kind_name(kind));
  std::replace(word.begin(), word.end(), ' ', '-');
  return word;
}

void fill_group(const glance_group& group, v1::LiveGroupView& view) {
  view.set_what(group.what);
  view.set_function(group.function);
  view.set_place(group.place);
  view.set_state(std::string(state_name(group.state)));
  view.set_kind(kind_option(group.kind));
  view.set_count(group.count);
  if (!group.age_unknown) view.set_oldest_seconds(seconds(group.oldest_ms));
  if (group.resumed) view.set_resumed(*group.resumed);
}

}  // namespace

v1::LiveView live_view_of(const process_metrics& of, std::int64_t at_ms) {
  auto view = new_view<v1::LiveView>(of.pid);
  const auto& counts = of.counts;
  view.set_name(of.name);
  view.set_at_ms(static_cast<std::uint64_t>(at_ms));
  view.set_told_by(std::string(teller_name(of.told_by)));
  view.set_reason(std::string(of.reason));
  view.set_tasks(counts.tasks());
  view.set_running(counts.running());
  view.set_blocked(counts.blocked());
  view.set_ready(counts.ready());
  view.set_os_threads(counts.os_threads());
  view.set_workers(counts.workers());
  view.set_cpus(counts.cpus());
  view.set_stalled_workers(static_cast<std::uint32_t>(of.stalled_workers));
  view.set_rss_bytes(counts.rss_bytes());
  view.set_cpu_seconds(seconds(of.counters.cpu_ms));
  view.set_uptime_seconds(seconds(counts.uptime_ms()));
  view.set_ended_tasks(of.counters.ended);
  view.set_failed_tasks(of.counters.failed);
  view.set_cancelled_tasks(of.counters.cancelled);
  std::vector<const glance_group*> largest;
  for (const auto& group : of.groups) largest.push_back(&group);
  std::stable_sort(largest.begin(), largest.end(), [](const auto* a, const auto* b) { return a->count > b->count; });
  for (std::size_t i = 0; i < largest.size(); ++i) {
    if (i < most_groups) {
      fill_group(*largest[i], *view.add_groups());
    } else {
      view.set_other_groups(view.other_groups() + 1);
      view.set_other_tasks(view.other_tasks() + largest[i]->count);
    }
  }
  return view;
}

void history::add(const host_metrics& seen, std::int64_t at_ms) {
  const std::lock_guard hold(mutex_);
  for (auto& [key, of] : processes_) {
    of.ended = true;
    while (!of.points.empty() && at_ms - of.points.front().at_ms > hour_ms) of.points.pop_front();
  }
  for (const auto& each : seen.processes) {
    const std::pair key(each.pid, each.start_time);
    if (!processes_.contains(key) && processes_.size() >= most_processes) continue;
    auto& of = processes_[key];
    of.name = each.name;
    of.ended = false;
    if (each.told_by == process_metrics::teller::nobody) continue;
    if (of.points.size() == most_points) of.points.pop_front();
    const auto& counts = each.counts;
    of.points.push_back({at_ms, counts.tasks(), counts.running(), counts.blocked(), counts.ready(), counts.rss_bytes(),
                         each.counters.cpu_ms, each.counters.ended, each.counters.failed, counts.os_threads()});
  }
  std::erase_if(processes_, [](const auto& each) { return each.second.ended && each.second.points.empty(); });
}

v1::HistoryView history::view() const {
  const std::lock_guard hold(mutex_);
  v1::HistoryView view;
  view.set_schema_version(schema_version);
  view.set_interval_seconds(static_cast<double>(interval.count()));
  for (const auto& [key, of] : processes_) {
    auto& process = *view.add_processes();
    process.set_pid(static_cast<std::uint32_t>(key.first));
    process.set_name(of.name);
    process.set_ended(of.ended);
    for (const auto& each : of.points) {
      auto& to = *process.add_points();
      to.set_at_ms(static_cast<std::uint64_t>(each.at_ms));
      to.set_tasks(each.tasks);
      to.set_running(each.running);
      to.set_blocked(each.blocked);
      to.set_ready(each.ready);
      to.set_os_threads(each.os_threads);
      to.set_rss_bytes(each.rss_bytes);
      to.set_cpu_seconds(seconds(each.cpu_ms));
      to.set_ended_tasks(each.ended);
      to.set_failed_tasks(each.failed);
    }
  }
  return view;
}

}  // namespace tasks::cli

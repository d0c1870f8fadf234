#include "top/rows.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/quantities.hpp"
#include "surveys/timing.hpp"

namespace tasks::cli {
namespace {

constexpr double growth_seconds = 60;
constexpr std::size_t history_width = 30;
constexpr std::size_t wide = 140;  ///< columns, from which on there is room for more
constexpr double unknown = -1e300;

std::string growth_words(const std::optional<double>& growth) {
  if (!growth) return "-";
  return *growth == 0 ? "0" : fmt::format("{:+.0f}", *growth);
}

std::string resumes_words(const std::optional<double>& resumes) {
  if (!resumes) return "-";
  return *resumes > 0 && *resumes < 9.95 ? fmt::format("{:.1f}", *resumes) : fmt::format("{:.0f}", *resumes);
}

std::string busy_words(const std::optional<double>& busy) {
  return busy ? fmt::format("{:.{}f}%", *busy * 100, *busy < 0.0995 ? 1 : 0) : "-";
}

std::string duration_words(std::uint64_t ns) { return ns == 0 ? "-" : format_nanoseconds(ns); }

std::string age_words(std::uint64_t ms, bool unknown_age, std::uint32_t resolution_ms) {
  if (!unknown_age) return format_age(ms, resolution_ms);
  return ms == 0 ? "-" : "~" + format_age(ms, resolution_ms);
}

}  // namespace

std::vector<live_column> process_columns() {
  return {{"PID", "", 8, true},
          {"TASKS", "tasks", 9, true},
          {"BLOCKED", "blocked", 9, true},
          {"GROWTH", "growth", 7, true},
          {"THREADS", "threads", 7, true},
          {"UPTIME", "uptime", 7, true},
          {"PROGRAM", "", 0}};
}

std::vector<live_column> group_columns() {
  return {{"TASKS", "count", 7, true},
          {"GROWTH", "growth", 7, true},
          {"OLDEST", "age", 6, true},
          {"RESUMES/s", "resumes", 9, true},
          {"BUSY", "busy", 6, true, 0, true},
          {"LONGEST", "longest run", 7, true, 100, true},
          {"HISTORY", "", history_width, false, wide},
          {"WAIT", "", 15},
          {"FUNCTION", "", 0},
          {"PLACE", "", 24, false, wide}};
}

std::vector<live_column> task_columns() {
  return {{"TASK", "id", 10, true},
          {"AGE", "age", 7, true},
          {"RESUMES/s", "resumes a second", 9, true},
          {"BUSY", "busy", 6, true, 0, true},
          {"LONGEST", "longest run", 7, true, 100, true},
          {"LATE", "late", 7, true, 0, true},
          {"RESUMES", "resumes", 10, true},
          {"PARENT", "", 10, true, wide},
          {"WAIT", "", 0},
          {"NAME", "", 40, false, wide}};
}

void process_growth::add(const v1::ListView& seen, double at) {
  std::map<std::uint32_t, std::deque<std::pair<double, double>>> kept;
  for (const auto& process : seen.processes()) {
    if (!process.has_tasks()) continue;
    auto& counts = kept[process.pid()];
    counts = std::move(tasks_[process.pid()]);
    if (!counts.empty() && counts.back().first >= at) counts.clear();  // a recording that is led back
    counts.emplace_back(at, static_cast<double>(process.tasks()));
    while (counts.size() > 2 && counts.front().first < at - growth_seconds) counts.pop_front();
  }
  tasks_ = std::move(kept);
}

std::optional<double> process_growth::of(std::uint32_t pid) const {
  const auto known = tasks_.find(pid);
  if (known == tasks_.end() || known->second.size() < 2) return std::nullopt;
  const auto& [first, before] = known->second.front();
  const auto& [last, now] = known->second.back();
  if (!(last > first)) return std::nullopt;
  return (now - before) / (last - first) * growth_seconds;
}

void task_resumes::add(const glance_tasks& seen, double at) {
  before_ = std::move(last_);
  last_.clear();
  for (const auto& task : seen.tasks)
    last_.emplace(task.id, counted{task.resumes, busy_ns(task.timing), seen.is_timed});
  seconds_ = at - at_;
  at_ = at;
}

std::optional<double> task_resumes::of(const glance_task& task) const {
  const auto before = before_.find(task.id);
  if (before == before_.end() || task.age_unknown || !(seconds_ > 0)) return std::nullopt;
  return static_cast<double>(task.resumes - std::min(task.resumes, before->second.resumes)) / seconds_;
}

std::optional<double> task_resumes::busy_of(const glance_task& task) const {
  const auto before = before_.find(task.id), now = last_.find(task.id);
  if (before == before_.end() || now == last_.end() || !(seconds_ > 0)) return std::nullopt;
  if (!before->second.is_timed || !now->second.is_timed || now->second.busy_ns < before->second.busy_ns)
    return std::nullopt;
  return static_cast<double>(now->second.busy_ns - before->second.busy_ns) / 1e9 / seconds_;
}

void show_times(live_table& in, bool shown) {
  for (const std::string_view title : {"BUSY", "LONGEST", "LATE"}) in.show_column(title, shown);
}

std::vector<live_row> process_rows(const v1::ListView& seen, const process_growth& growth) {
  std::vector<live_row> rows;
  for (const auto& p : seen.processes()) {
    const auto count = [](bool known, std::uint64_t n) { return known ? std::to_string(n) : std::string("-"); };
    const auto change = growth.of(p.pid());
    auto program = p.name();
    std::string aside = p.stopped();
    if (p.agent() != v1::ProcessView::ANSWERED && p.reason() != p.stopped())
      aside += (aside.empty() ? "" : "; ") + p.reason();
    if (!aside.empty()) program += "  (" + aside + ")";
    for (const auto& finding : p.findings())
      if (finding != "it is " + p.stopped()) program += "  ! " + finding;
    rows.push_back({std::to_string(p.pid()),
                    {std::to_string(p.pid()), count(p.has_tasks(), p.tasks()), count(p.has_blocked(), p.blocked()),
                     growth_words(change), std::to_string(p.os_threads()),
                     format_age(static_cast<std::uint64_t>(p.uptime_seconds() * 1000), 0), std::move(program)},
                    {0, p.has_tasks() ? static_cast<double>(p.tasks()) : unknown,
                     p.has_blocked() ? static_cast<double>(p.blocked()) : unknown, change.value_or(unknown),
                     static_cast<double>(p.os_threads()), p.uptime_seconds(), 0}});
  }
  return rows;
}

std::vector<live_row> group_rows(const seen_process& seen) {
  std::vector<live_row> rows;
  if (seen.last() == nullptr) return rows;
  for (const auto& group : seen.last()->seen.groups) {
    const auto growth = seen.growth_of(group);
    const auto resumes = seen.resumes_of(group);
    rows.push_back(
        {group.key,
         {std::to_string(group.count), growth_words(growth),
          age_words(group.oldest_ms, group.age_unknown, seen.last()->seen.resolution_ms), resumes_words(resumes),
          busy_words(group.busy), duration_words(group.longest_ns), seen.line_of(group, history_width), group.what,
          group.function.empty() ? "<unknown>" : group.function, group.place},
         {static_cast<double>(group.count), growth.value_or(unknown),
          group.age_unknown && group.oldest_ms == 0 ? unknown : static_cast<double>(group.oldest_ms),
          resumes.value_or(unknown), group.busy.value_or(unknown), static_cast<double>(group.longest_ns), 0, 0, 0, 0}});
  }
  // Equal ones keep their places from look to look.
  std::sort(rows.begin(), rows.end(), [](const live_row& a, const live_row& b) { return a.id < b.id; });
  return rows;
}

std::vector<live_row> task_rows(const glance_tasks& seen, const task_resumes& resumes) {
  std::vector<live_row> rows;
  for (const auto& task : seen.tasks) {
    const auto rate = resumes.of(task);
    rows.push_back(
        {std::to_string(task.id),
         {std::to_string(task.id), age_words(task.age_ms, task.age_unknown, seen.resolution_ms), resumes_words(rate),
          busy_words(resumes.busy_of(task)), duration_words(longest_run_ns(task.timing)),
          duration_words(task.timing.delays().longest_ns()), task.age_unknown ? "-" : std::to_string(task.resumes),
          task.parent == 0 ? "" : std::to_string(task.parent), task.what, task.name},
         {-static_cast<double>(task.id),
          task.age_unknown && task.age_ms == 0 ? unknown : static_cast<double>(task.age_ms), rate.value_or(unknown),
          resumes.busy_of(task).value_or(unknown), static_cast<double>(longest_run_ns(task.timing)),
          static_cast<double>(task.timing.delays().longest_ns()), static_cast<double>(task.resumes), 0, 0, 0}});
  }
  return rows;
}

}  // namespace tasks::cli

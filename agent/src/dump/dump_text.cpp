// What a dump says.
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <ostream>
#include <string>
#include <vector>

#include "cpu_quota.hpp"
#include "readers/task_walk.hpp"
#include "registry/process_roots.hpp"
#include "registry/registry.hpp"
#include "reports/frame_names.hpp"
#include "reports/shown_groups.hpp"
#include "reports/spawn_sites.hpp"
#include "reports/text.hpp"
#include "server/process_vitals.hpp"
#include "stack_groups.hpp"
#include "tasks/dump.hpp"

namespace tasks {
namespace detail {
namespace {

constexpr std::size_t most_shown = 1000, most_running = 64;  ///< groups, and tasks that run
constexpr std::uint64_t too_long_ms = 30'000;

struct running_task {
  std::uint64_t id, age;
  std::uint32_t thread;
};

/// What one walk tells.
struct picture {
  walk_counts counts;
  stack_groups all, waits_too_long;
  std::vector<running_task> running;
  process_vitals process;
  end_counts ends;
};

/// Is it a wait that neither a clock nor a peer ends?
bool has_no_end_of_its_own(const task_copy& task) noexcept {
  const auto kind = kind_of(task);
  if (kind == layout::wait_kind::channel_send || kind == layout::wait_kind::channel_receive)
    return !has_another_way_on(task);
  const auto detail = layout::detail_of(task.wait);
  return kind == layout::wait_kind::timer && task.group.members == 0 &&
         (detail == layout::detail_kind::steady_expiry || detail == layout::detail_kind::system_expiry) &&
         static_cast<std::int64_t>(task.detail) == std::numeric_limits<std::int64_t>::max();
}

picture take_picture() {
  picture taken;
  make_registries_known();
  task_walk walk({}, task_walk::order::any);
  for (auto step = walk.next(); step != task_walk::step::end; step = walk.next()) {
    if (step == task_walk::step::pause) continue;
    const auto& task = walk.task();
    taken.all.add(task, walk.age());
    if (walk.age() >= too_long_ms && has_no_end_of_its_own(task)) taken.waits_too_long.add(task, walk.age());
    if (task.thread != 0 && state_of(task.word) == task_state::running && taken.running.size() < most_running)
      taken.running.push_back({task.id, walk.age(), task.thread});
  }
  taken.counts = walk.counts();
  const auto registries = walk.slabs().registries();
  taken.process = read_process_vitals(registries, this_root.start_time.load(std::memory_order_relaxed), cpu_quota());
  taken.ends = count_ends(registries);
  return taken;
}

std::string utc_now() {
  const auto now = time(nullptr);
  tm parts{};
  std::array<char, 32> text{};
  if (gmtime_r(&now, &parts) == nullptr) return {};
  return {text.data(), strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

/// "12.3 MiB"
std::string mebibytes(std::uint64_t bytes) {
  const auto tenths = bytes * 10 / (1024 * 1024);
  return std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10) + " MiB";
}

/// "1.2s"
std::string seconds(std::uint64_t ms) {
  return std::to_string(ms / 1000) + '.' + std::to_string(ms % 1000 / 100) + 's';
}

std::string uptime(std::uint64_t ms) {
  const auto text = duration(ms);
  return text.empty() ? "0s" : text;
}

void write_vitals(std::ostream& out, const picture& of) {
  const auto& counts = of.counts;
  const auto& process = of.process;
  out << "tasks: " << counts.tasks << " (" << counts.running << " running, " << counts.blocked << " blocked, "
      << counts.ready << " ready)\n"
      << "ended: " << of.ends.ended << ", " << of.ends.failed << " by an exception, " << of.ends.cancelled
      << " by a cancelled operation\n"
      << "OS threads: " << process.os_threads << ", workers: " << process.workers << ", CPUs: " << process.cpus.count
      << ", RSS: " << mebibytes(process.rss_bytes) << ", CPU time: " << seconds(process.cpu_time_ms)
      << ", uptime: " << uptime(process.uptime_ms) << '\n';
  for (const auto& each : of.running) {
    out << "task " << each.id << " runs on thread " << each.thread;
    if (const auto age = duration(each.age); !age.empty()) out << " for " << age;
    out << '\n';
  }
  if (counts.running > of.running.size()) out << count_of_tasks(counts.running - of.running.size()) << " more run\n";
}

void write_groups(std::ostream& out, stack_groups& groups, frame_names& names, spawn_sites& sites) {
  const auto shown = show_groups(groups, names, sites, most_shown);
  for (const auto& group : shown.groups) {
    std::string text = "\n";
    append(text, group);
    out << text;
  }
  if (const auto more = shown.left_out + groups.left_out(); more != 0)
    out << '\n' << count_of_tasks(more) << " in further groups\n";
}

/// The first line of a stack, without the place.
std::string innermost(const std::string& stack) { return stack.substr(0, stack.find('\n')); }

void write_leaks(std::ostream& out, picture& of, frame_names& names, spawn_sites& sites) {
  const auto shown = show_groups(of.waits_too_long, names, sites, most_shown);
  if (shown.groups.empty()) return;
  out << "\nmay leak: for longer than " << duration(too_long_ms)
      << " these wait on a channel or a timer that never expires (proven by: tasks leaks -p " << getpid() << ")\n";
  for (const auto& group : shown.groups) {
    out << "  " << group.count << " × " << group.state << ", " << duration(group.oldest.front().age) << "  "
        << innermost(group.stack) << ": " << (group.count == 1 ? "task " : "tasks ");
    for (const auto& each : group.oldest) out << (&each == &group.oldest.front() ? "" : ", ") << each.id;
    out << (group.count > group.oldest.size() ? ", …\n" : "\n");
  }
  if (const auto more = shown.left_out + of.waits_too_long.left_out(); more != 0)
    out << "  " << count_of_tasks(more) << " in further groups\n";
}

}  // namespace
}  // namespace detail

void write_dump(std::ostream& out, const std::string& cause) {
  auto of = detail::take_picture();
  out << "=== tasks of process " << getpid() << " (" << program_invocation_short_name << "), " << detail::utc_now();
  if (!cause.empty()) out << ": " << cause;
  out << '\n';
  detail::write_vitals(out, of);
  detail::frame_names names;
  detail::spawn_sites sites(names);
  detail::write_groups(out, of.all, names, sites);
  if (of.counts.torn != 0) out << '\n' << detail::count_of_tasks(of.counts.torn) << " ran too fast to be copied\n";
  detail::write_leaks(out, of, names, sites);
  out << "=== end of process " << getpid() << "\n" << std::flush;
}

}  // namespace tasks

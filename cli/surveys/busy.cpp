#include "surveys/busy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <thread>

#include "surveys/crowds.hpp"
#include "target/registry_reader.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;
using layout::wait_kind;

constexpr auto between_looks = 100ms;
/// What posts itself waits for nobody. Others may be served well: no peer, file or clock comes so often.
constexpr double least_posted = 10'000, least = 200'000;
/// So often it has been resumed after a tenth of a second, at least.
constexpr std::uint64_t least_resumes = 1000;
/// A task that goes on began to wait in this or the last tick.
constexpr std::uint64_t youngest_ms = 2500;

struct resumed_task {
  std::uint64_t resumes;
  std::uint32_t thread;
  bool posted;  ///< or it ran
};
using resumed_tasks = std::map<std::uint64_t, resumed_task>;

/// Does it run, or wait for its turn to? Of one that has begun to wait and has not said yet what for, what it says
/// next: one that posts itself does so at once.
bool goes_on_by_itself(const target& from, const target_task& task) {
  auto state = layout::state_of(task.word);
  auto kind = detail::kind_of(task);
  constexpr int most_tries = 100;
  for (int n = 0; state == layout::record_state::blocked_unknown && n < most_tries; ++n) {
    const auto at = [&](std::size_t offset) {
      return from.bytes().get<std::uint64_t>(task.record + offset).value_or(0);
    };
    state = layout::state_of(at(offsetof(layout::record, word)));
    kind = layout::kind_of(at(offsetof(layout::record, wait)));
  }
  return state == layout::record_state::running || (state == layout::record_state::blocked && kind == wait_kind::post);
}

template <class Keep>
resumed_tasks look(const target& from, const detail::task_filter& filter, Keep keep) {
  resumed_tasks seen;
  registry_reader reader(from.bytes(), *from.roots());
  const auto visit = [&](const target_task& task) {
    const auto now = detail::monotonic_ms();
    const auto state = detail::state_of(task.word);
    if (state == detail::task_state::ready || !keep(task, now)) return;
    const bool posted = goes_on_by_itself(from, task);
    const auto thread = from.bytes().get<std::uint32_t>(task.record + offsetof(layout::record, thread)).value_or(0);
    seen[task.id] = {task.resumes, thread, posted};
  };
  // What is sought is what changes too often to be read at once.
  constexpr int most_tries = 20;
  for (int n = 0; n < most_tries; ++n)
    if (reader.walk(filter, detail::monotonic_ms(), visit).torn == 0) break;
  return seen;
}

}  // namespace

std::vector<busy_task> find_busy(target& from) {
  std::vector<busy_task> busy;
  if (!from.is_alive()) return busy;
  const auto live = from.is_still() ? live_target(from.pid()) : nullptr;
  const auto& process = live ? *live : from;
  if (!process.roots() || is_crowd(process)) return busy;
  using clock = std::chrono::steady_clock;
  const auto begin = clock::now();
  const auto first = look(process, {}, [](const target_task& task, std::uint64_t now) {
    return task.resumes >= least_resumes && detail::age_of(task, now) <= youngest_ms;
  });
  if (first.empty()) return busy;
  detail::task_filter same;
  for (const auto& [id, task] : first) same.ids.push_back(id);
  std::this_thread::sleep_for(between_looks);
  // Whatever the looks themselves take makes a rate too low at most.
  const auto second = look(process, same, [](const target_task&, std::uint64_t) { return true; });
  const auto passed = std::chrono::duration<double>(clock::now() - begin).count();
  for (const auto& [id, after] : second) {
    const auto& before = first.at(id);
    const auto rate = static_cast<double>(after.resumes - before.resumes) / passed;
    if (after.resumes < before.resumes || rate < (before.posted && after.posted ? least_posted : least)) continue;
    busy.push_back({id, rate, before.thread == after.thread ? after.thread : 0});
  }
  std::sort(busy.begin(), busy.end(), [](const auto& a, const auto& b) { return a.per_second > b.per_second; });
  return busy;
}

std::string format_rate(double per_second) {
  constexpr double million = 1'000'000, thousand = 1'000;
  if (per_second >= million) return fmt::format("{:.1f} M", per_second / million);
  return per_second >= thousand ? fmt::format("{:.0f} k", per_second / thousand) : fmt::format("{:.0f}", per_second);
}

}  // namespace tasks::cli

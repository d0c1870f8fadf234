#include "surveys/due.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <thread>

#include "base/quantities.hpp"
#include "linux/proc.hpp"
#include "surveys/crowds.hpp"
#include "surveys/due_look.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;

/// Of what is known to have been over for long, and of what came some time before the first look.
constexpr auto short_pause = 200ms, long_pause = 1100ms;

/// Leaves what both looks have found.
void keep_same(std::vector<due_task>& first, const std::vector<due_task>& second) {
  std::erase_if(first, [&](const due_task& due) {
    const auto* same = find(second, due.id);
    return same == nullptr || same->resumes != due.resumes || same->behind != due.behind ||
           same->queued != due.queued || (same->for_ms == 0) != (due.for_ms == 0) ||
           (same->missed_for_ms == 0) != (due.missed_for_ms == 0);
  });
}

}  // namespace

bool is_stopped(const target& from) {
  const auto stat = read_stat(from.pid());
  return !stat || stat->state == 'T' || stat->state == 't';
}

due_survey survey_due(target& from, bool no_workers, std::uint64_t asked) {
  due_survey found;
  if (!from.roots() || !from.has_hook() || is_crowd(from)) return found;
  if (!from.is_alive()) {
    due_look look(from);
    if (!look.is_worth_it() && !no_workers) return found;
    look.gather();
    found.due = look.finish();
    // A thread that calls poll() now and then would be a worker.
    found.nobody_runs = no_workers && look.nobody_runs();
    return found;
  }
  // What is due has not moved for long, and shows in a process that goes on as well as in a picture of it.
  const auto live = from.is_still() ? live_target(from.pid()) : nullptr;
  auto& process = live ? *live : from;
  if (!process.roots() || is_stopped(process)) return found;
  due_look first(process, asked);
  if (!first.is_worth_it() && !no_workers) return found;
  first.gather();
  found.due = first.finish();
  const auto begin = std::chrono::steady_clock::now();
  found.nobody_runs = first.nobody_runs();
  if (found.due.empty() && !(no_workers && found.nobody_runs)) return found;
  const auto before = first.without_work();
  const bool all_known =
      std::all_of(found.due.begin(), found.due.end(), [](const due_task& d) { return d.for_ms != 0; });
  std::this_thread::sleep_for(all_known ? short_pause : long_pause);
  if (is_stopped(process)) return {};
  due_look second(process, asked);
  second.gather();
  const auto apart = std::chrono::steady_clock::now() - begin;
  keep_same(found.due, second.finish());
  for (auto& each : found.due)
    if (each.missed_for_ms != 0)
      each.missed_for_ms =
          static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(apart).count());
  found.nobody_runs = found.nobody_runs && second.nobody_runs();
  if (found.due.empty()) return found;
  for (const auto& [tid, slices] : second.without_work())
    if (const auto same = before.find(tid); same != before.end() && same->second == slices) found.left.insert(tid);
  return found;
}

std::vector<due_task> find_due(target& from) { return survey_due(from).due; }

std::string words_of(const due_task& due) {
  std::string text = "due";
  if (due.for_ms >= due_after_ms) text += " " + format_age(due.for_ms, 0);
  return due.reason.empty() ? text : text + ": " + due.reason;
}

std::string words_of_available(const due_task& due, bool accepts) {
  std::string who = due.reason;
  if (due.missed_for_ms != 0)
    who = fmt::format("a missed wake, seen for {} ms: its worker, thread {}, waits for events, and was told of none",
                      due.missed_for_ms, due.worker);
  else if (due.behind != 0 && due.worker != 0)
    who = fmt::format("its worker, thread {}, is busy with task {}", due.worker, due.behind);
  if (accepts)
    return fmt::format("{} there to be accepted: {}",
                       due.available == 1 ? "1 connection is" : fmt::format("{} connections are", due.available), who);
  return fmt::format("{} {} there to be read: {}", format_bytes(due.available), due.available == 1 ? "is" : "are", who);
}

const due_task* find(const std::vector<due_task>& due, std::uint64_t task) {
  const auto at = std::lower_bound(due.begin(), due.end(), task,
                                   [](const due_task& each, std::uint64_t id) { return each.id < id; });
  return at == due.end() || at->id != task ? nullptr : &*at;
}

std::vector<std::string> findings_of(const std::vector<due_task>& due) {
  std::map<std::string, std::vector<const due_task*>> by_reason;
  for (const auto& each : due) by_reason[each.reason].push_back(&each);
  std::vector<std::string> sentences;
  for (const auto& [reason, tasks] : by_reason) {
    constexpr std::size_t most_named = 3;
    std::uint64_t longest = 0;
    std::string ids;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      longest = std::max(longest, tasks[i]->for_ms);
      if (i < most_named) ids += (i == 0 ? "" : ", ") + std::to_string(tasks[i]->id);
    }
    if (tasks.size() > most_named) ids += ", …";
    const bool one = tasks.size() == 1;
    auto sentence = one ? "due: task " + ids : fmt::format("due: {} tasks ({})", tasks.size(), ids);
    if (longest >= due_after_ms) sentence += (one ? ", for " : ", the longest for ") + format_age(longest, 0);
    sentences.push_back(reason.empty() ? sentence : sentence + ": " + reason);
  }
  return sentences;
}

}  // namespace tasks::cli

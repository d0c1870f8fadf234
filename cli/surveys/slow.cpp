#include "surveys/slow.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "surveys/running_stacks.hpp"

namespace tasks::cli {
namespace {

constexpr int polls_in_a_run = 4;
constexpr std::chrono::nanoseconds shortest_period = std::chrono::milliseconds(1);
constexpr std::chrono::nanoseconds longest_period = std::chrono::milliseconds(50);
/// From when on one that is not over is told all the same.
constexpr std::chrono::nanoseconds longest_silence = std::chrono::seconds(1);

std::uint64_t ns_of(std::chrono::nanoseconds time) { return static_cast<std::uint64_t>(time.count()); }

}  // namespace

slow_watch::slow_watch(snapshot_source& source, target& from, std::chrono::nanoseconds over)
    : source_(source),
      from_(from),
      over_(over),
      period_(std::clamp(over / polls_in_a_run, shortest_period, longest_period)),
      runs_(from.bytes(), *from.roots()),
      reader_(from.bytes(), *from.roots()),
      visit_([this](const v1::Chunk& chunk) {
        names_.learn(chunk);
        made_ = chunk.tasks(0);
        return true;
      }),
      maker_(from.bytes(), reader_, target_clocks{0, std::nullopt}, visit_),
      names_(source, {.all_frames = false}),
      stacks_(from.code(), from.names()) {}

pid_t slow_watch::thread_of(std::uint32_t inner) {
  const auto find = [&] {
    return std::find_if(threads_.begin(), threads_.end(),
                        [inner](const os_thread& each) { return each.inner_tid == inner; });
  };
  auto found = find();
  if (found == threads_.end()) {
    threads_ = from_.threads();
    found = find();
  }
  return found == threads_.end() ? 0 : found->tid;
}

/// What the thread does within the task. False: that run was over meanwhile.
bool slow_watch::copy(watched& to) {
  const auto lasts = [&] {
    const auto now = runs_.look();
    return now && std::any_of(now->begin(), now->end(), [&](const timed_run& each) { return each.is(to.run); });
  };
  const auto* task = reader_.read(to.run.record);
  if (task == nullptr || task->id != to.run.task) return false;
  maker_.add(*task);
  maker_.flush();
  to.told.task = std::move(made_);
  const auto tid = thread_of(to.run.thread);
  if (tid == 0) return lasts();
  const std::array<pid_t, 1> tids = {tid};
  const auto& copies = from_.copy_stacks(tids);
  if (copies.refusal) refusal_ = in_words(*copies.refusal);
  if (!lasts()) return false;
  to.told.stack = stacks_.of(tid);
  return true;
}

std::vector<slow_run> slow_watch::find_older() {
  std::vector<slow_run> found;
  const auto age = std::max(std::chrono::duration_cast<std::chrono::milliseconds>(over_),
                            std::chrono::duration_cast<std::chrono::milliseconds>(longest_silence));
  auto look = running_stacks::look(source_, static_cast<std::uint64_t>(age.count()));
  if (!look) return found;
  for (const auto& running : look->tasks().tasks) {
    const auto is_it = [&](const watched& each) { return each.run.task == running.id; };
    if (std::any_of(watched_.begin(), watched_.end(), is_it)) continue;
    if (std::find(older_.begin(), older_.end(), running.id) != older_.end()) continue;
    slow_run run;
    run.lasts = true;
    run.is_exact = false;
    run.ns = running.age_ms * 1'000'000;
    run.thread = running.thread;
    run.stack = look->stack_of(running);
    detail::task_filter only;
    only.ids.push_back(running.id);
    reader_.walk(only, 0, [&](const target_task& task) {
      maker_.add(task);
      maker_.flush();
      run.task = std::move(made_);
      reader_.leave();
    });
    if (run.task.id() != running.id) continue;
    older_.push_back(running.id);
    found.push_back(std::move(run));
  }
  return found;
}

void slow_watch::begin(const timed_run& run) {
  watched made;
  made.run = run;
  made.told.thread = run.thread;
  if (!copy(made)) made.told.stack = {};
  watched_.push_back(std::move(made));
}

void slow_watch::finish(watched& over, std::vector<slow_run>& to) {
  const auto length = runs_.length_of(over.run);
  over.told.lasts = false;
  over.told.is_exact = length.has_value();
  over.told.ns = length.value_or(over.run.ns);
  if (over.told.ns >= ns_of(over_) && over.told.task.id() != 0) to.push_back(std::move(over.told));
}

std::optional<std::vector<slow_run>> slow_watch::poll() {
  const auto now = runs_.look();
  if (!now) return std::nullopt;
  std::vector<slow_run> told;
  std::erase_if(watched_, [&](watched& each) {
    const auto same = std::find_if(now->begin(), now->end(), [&](const timed_run& run) { return run.is(each.run); });
    if (same == now->end()) {
      finish(each, told);
      return true;
    }
    each.run.ns = same->ns;
    if (!each.has_been_told && each.run.ns >= ns_of(std::max(over_, longest_silence)) && each.told.task.id() != 0) {
      each.has_been_told = true;
      told.push_back(each.told);
      told.back().lasts = true;
      told.back().ns = each.run.ns;
    }
    return false;
  });
  for (const auto& run : *now) {
    if (run.ns < ns_of(over_ - period_)) continue;
    if (std::any_of(watched_.begin(), watched_.end(), [&](const watched& each) { return each.run.is(run); })) continue;
    begin(run);
  }
  return told;
}

}  // namespace tasks::cli

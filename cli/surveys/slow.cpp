#include "surveys/slow.hpp"

#include <algorithm>
#include <array>
#include <utility>

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
    : from_(from),
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
  over.told.ns = std::max(length.value_or(0), length ? 0 : over.run.ns);
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

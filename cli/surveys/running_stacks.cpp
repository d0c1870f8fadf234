#include "surveys/running_stacks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/quantities.hpp"
#include "base/text.hpp"
#include "linux/proc.hpp"

namespace tasks::cli {
namespace {

/// The threads of a process by what it calls them itself, of those that run tasks.
std::map<std::uint32_t, pid_t> threads_of(const target& from, const running_tasks& running) {
  std::map<std::uint32_t, pid_t> threads;
  if (running.tasks.empty()) return threads;
  for (const auto& thread : from.threads()) {
    if (running_on(running, thread.inner_tid) != nullptr) threads[thread.inner_tid] = thread.tid;
  }
  return threads;
}

}  // namespace

result<running_stacks> running_stacks::look(snapshot_source& source, std::uint64_t age_ms) {
  running_stacks look;
  auto running = read_running(source, age_ms);
  if (!running) return running.why();
  look.from_ = source.from();
  if (look.from_ == nullptr) {
    look.running_ = *std::move(running);
    look.failure_ = "there is only what was recorded";
    return look;
  }
  look.threads_ = threads_of(*look.from_, *running);
  // A thread that is none of the target's was read from a registry that nobody cleans up.
  std::erase_if(running->tasks, [&](const running_task& task) { return !look.threads_.contains(task.thread); });
  look.running_ = *std::move(running);
  if (look.running_.tasks.empty()) return look;

  std::vector<pid_t> tids;
  for (const auto& [inner, tid] : look.threads_) tids.push_back(tid);
  if (const auto& refusal = look.from_->copy_stacks(tids).refusal) look.failure_ = in_words(*refusal);
  if (look.from_->is_still()) return look;
  const auto later = read_running(source, age_ms);
  if (!later) return later.why();
  keep_unchanged(look.running_, *later);
  return look;
}

pid_t running_stacks::thread_of(const running_task& task) const {
  const auto found = threads_.find(task.thread);
  return found == threads_.end() ? 0 : found->second;
}

const native_stack& running_stacks::stack_of(const running_task& task) {
  static const native_stack none;
  const auto* kept = running_on(running_, task.thread);
  const pid_t tid = thread_of(task);
  // Where resumptions nest the thread is in the innermost task; the others have no stack of their own.
  if (!kept || kept->id != task.id || kept->resumes != task.resumes || tid == 0) return none;
  if (!stacks_) stacks_ = std::make_unique<native_stacks>(from_->code(), from_->names());
  const auto [known, is_new] = known_.try_emplace(tid);
  if (is_new) known->second = stacks_->of(tid);
  return known->second;
}

std::vector<stalled_worker> stalled_workers(running_stacks& stacks) {
  std::vector<stalled_worker> found;
  for (const auto& task : stacks.tasks().tasks) {
    stalled_worker stalled = {stacks.thread_of(task), task, stacks.tasks().resolution_ms, {}};
    if (running_on(stacks.tasks(), task.thread)->id != task.id) continue;
    if (const auto* frame = innermost_user_frame(stacks.stack_of(task))) stalled.frame = *frame;
    found.push_back(std::move(stalled));
  }
  return found;
}

std::string finding_of(const stalled_worker& stalled) {
  auto text = fmt::format("stalled: worker {} has run task {} for {}", stalled.tid, stalled.task.id,
                          format_age(stalled.task.age_ms, stalled.resolution_ms));
  if (stalled.frame) {
    text += "  " + stalled.frame->function;
    if (!stalled.frame->file.empty()) {
      text += fmt::format("  {}:{}", base_name(stalled.frame->file), stalled.frame->line);
    }
  }
  return text;
}

}  // namespace tasks::cli

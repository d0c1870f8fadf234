#include "surveys/running_stacks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/quantities.hpp"
#include "base/text.hpp"
#include "surveys/mutex_waits.hpp"
#include "surveys/recorded_facts.hpp"
#include "type_names.hpp"

namespace tasks::cli {
namespace {

using detail::bare_name;

/// The threads of a process by what it calls them itself, of those that run tasks.
std::map<std::uint32_t, os_thread> threads_of(const target& from, const running_tasks& running) {
  std::map<std::uint32_t, os_thread> threads;
  if (running.tasks.empty()) return threads;
  for (auto& thread : from.threads()) {
    if (running_on(running, thread.inner_tid) != nullptr) threads[thread.inner_tid] = thread;
  }
  return threads;
}

}  // namespace

result<running_stacks> running_stacks::look(snapshot_source& source, std::uint64_t age_ms, bool with_stacks) {
  running_stacks look;
  auto running = read_running(source, age_ms);
  if (!running) return running.why();
  look.from_ = source.from();
  look.with_stacks_ = with_stacks;
  if (const auto* then = source.recorded(); then != nullptr && look.from_ == nullptr) {
    look.take(*then, *std::move(running));
    return look;
  }
  look.threads_ = threads_of(*look.from_, *running);
  // A thread that is none of the target's was read from a registry that nobody cleans up.
  std::erase_if(running->tasks, [&](const running_task& task) { return !look.threads_.contains(task.thread); });
  look.running_ = *std::move(running);
  if (look.running_.tasks.empty()) return look;

  std::vector<pid_t> tids;
  for (const auto& [inner, thread] : look.threads_) tids.push_back(thread.tid);
  if (with_stacks) {
    const auto& copies = look.from_->copy_stacks(tids);
    look.longest_stop_ = copies.longest_stop;
    if (copies.refusal) look.failure_ = in_words(*copies.refusal);
  }
  if (look.from_->is_still()) return look;
  const auto later = read_running(source, age_ms);
  if (!later) return later.why();
  keep_unchanged(look.running_, *later);
  return look;
}

void running_stacks::take(const v1::RecordedFacts& then, running_tasks running) {
  for (const auto& each : from_message(then.threads()).threads) {
    recorded_threads_.insert(each.os.inner_tid);
    if (each.mutex_owner != 0) recorded_owners_[each.os.inner_tid] = each.mutex_owner;
    if (running_on(running, each.os.inner_tid) == nullptr) continue;
    threads_[each.os.inner_tid] = each.os;
    if (!each.stack.frames.empty()) known_[each.os.tid] = each.stack;
  }
  std::erase_if(running.tasks, [&](const running_task& task) { return !threads_.contains(task.thread); });
  running_ = std::move(running);
  if (!running_.tasks.empty() && !then.threads().no_stacks().empty()) failure_ = then.threads().no_stacks();
}

pid_t running_stacks::thread_of(const running_task& task) const {
  const auto found = threads_.find(task.thread);
  return found == threads_.end() ? 0 : found->second.tid;
}

bool running_stacks::sleeps(const running_task& task) const {
  const auto found = threads_.find(task.thread);
  return found != threads_.end() && (found->second.state == 'S' || found->second.state == 'D');
}

std::uint32_t running_stacks::owner_of_mutex(const running_task& task) {
  if (const auto known = recorded_owners_.find(task.thread); known != recorded_owners_.end()) return known->second;
  const auto thread = threads_.find(task.thread);
  if (from_ == nullptr || thread == threads_.end()) return 0;
  return cli::owner_of_mutex(*from_, thread->second, stack_of(task));
}

bool running_stacks::has_thread(std::uint32_t inner_tid) const {
  if (from_ == nullptr) return recorded_threads_.contains(inner_tid);
  const auto threads = from_->threads();
  return std::any_of(threads.begin(), threads.end(),
                     [=](const os_thread& each) { return each.inner_tid == inner_tid; });
}

const native_stack& running_stacks::stack_of(const running_task& task) {
  static const native_stack none;
  const auto* kept = running_on(running_, task.thread);
  const pid_t tid = thread_of(task);
  // Where resumptions nest the thread is in the innermost task; the others have no stack of their own.
  if (!with_stacks_ || !kept || kept->id != task.id || kept->resumes != task.resumes || tid == 0) return none;
  if (from_ == nullptr) {
    const auto recorded = known_.find(tid);
    return recorded == known_.end() ? none : recorded->second;
  }
  if (!stacks_) stacks_ = std::make_unique<native_stacks>(from_->code(), from_->names());
  const auto [known, is_new] = known_.try_emplace(tid);
  if (is_new) known->second = stacks_->of(tid);
  return known->second;
}

stalled_worker look_at(running_stacks& stacks, const running_task& task) {
  stalled_worker stalled{
      .tid = stacks.thread_of(task),
      .inner_tid = task.thread,
      .task = task,
      .resolution_ms = stacks.tasks().resolution_ms,
      .frame = {},
      .sleeps = stacks.sleeps(task),
      .blocked_in = {},
      .looks_up_by = {},
  };
  const auto& stack = stacks.stack_of(task);
  // What looks up is not what the user wrote, even where a program brings its own.
  const auto* call = name_lookup(frames_of_task(stack));
  native_stack callers;
  if (call != nullptr) callers.frames.assign(call + 1, stack.frames.data() + stack.frames.size());
  if (const auto* frame = innermost_user_frame(call != nullptr ? callers : stack)) stalled.frame = *frame;
  if (call != nullptr)
    stalled.looks_up_by = bare_name(call->function);
  else if (stalled.sleeps)
    stalled.blocked_in = blocking_function(stack);
  if (!stalled.blocked_in.empty()) {
    stalled.owner = stacks.owner_of_mutex(task);
    stalled.owner_exists = stalled.owner == 0 || stacks.has_thread(stalled.owner);
  }
  return stalled;
}

std::vector<stalled_worker> stalled_workers(running_stacks& stacks) {
  std::vector<stalled_worker> found;
  for (const auto& task : stacks.tasks().tasks)
    if (running_on(stacks.tasks(), task.thread)->id == task.id) found.push_back(look_at(stacks, task));
  return found;
}

std::string instead_of_computing(const stalled_worker& stalled) {
  if (!stalled.looks_up_by.empty()) return fmt::format("looks up a name ({})", stalled.looks_up_by);
  if (!stalled.sleeps) return {};
  std::string text = "blocked";
  if (!stalled.blocked_in.empty()) text += " in " + stalled.blocked_in;
  if (stalled.owner != 0) text += ", " + locked_words(stalled.owner, stalled.inner_tid, stalled.owner_exists);
  return text;
}

std::string finding_of(const stalled_worker& stalled) {
  auto text = fmt::format("stalled: worker {} has run task {} for {}", stalled.tid, stalled.task.id,
                          format_age(stalled.task.age_ms, stalled.resolution_ms));
  if (const auto words = instead_of_computing(stalled); !words.empty())
    text += (stalled.looks_up_by.empty() ? ", " : ", and ") + words;
  if (stalled.frame) {
    text += "  " + stalled.frame->function;
    if (!stalled.frame->file.empty()) {
      text += fmt::format("  {}:{}", base_name(stalled.frame->file), stalled.frame->line);
    }
  }
  return text;
}

}  // namespace tasks::cli

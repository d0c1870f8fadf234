#include "surveys/running_tasks.hpp"

#include <algorithm>
#include <cstddef>

#include "target/registry_reader.hpp"

namespace tasks::cli {

running_task as_running(const v1::Task& task) {
  running_task made{task.id(), task.thread(), task.age_ms(), task.resumes(), task.age_unknown()};
  made.texts.set_name(task.name());
  *made.texts.mutable_labels() = task.labels();
  return made;
}

void running_tasks::add(const v1::Task& task) {
  if (task.state() == v1::Task::RUNNING && task.thread() != 0) tasks.push_back(as_running(task));
}

v1::StacksRequest ask_who_runs(std::uint64_t age_ms) {
  v1::StacksRequest query;
  query.add_states(v1::Task::RUNNING);
  query.set_older_than_ms(age_ms);
  return query;
}

bool may_select_running(const v1::StacksRequest& query) {
  const auto& states = query.states();
  return query.kinds().empty() &&
         (states.empty() || std::find(states.begin(), states.end(), v1::Task::RUNNING) != states.end());
}

void keep_older(running_tasks& running, std::uint64_t age_ms) {
  // It may have begun right after the tick that its age counts from.
  std::erase_if(running.tasks, [&](const running_task& task) {
    return age_ms != 0 && (task.age_unknown || task.age_ms < age_ms + running.resolution_ms);
  });
}

result<running_tasks> read_running(snapshot_source& source, std::uint64_t age_ms) {
  running_tasks running;
  const auto trailer = source.stacks(ask_who_runs(age_ms), [&](const v1::Chunk& chunk) {
    for (const auto& task : chunk.tasks()) running.add(task);
    return true;
  });
  if (!trailer) return trailer.why();
  running.resolution_ms = trailer->tick_resolution_ms();
  keep_older(running, age_ms);
  return running;
}

void keep_unchanged(running_tasks& first, const running_tasks& second) {
  std::erase_if(first.tasks, [&](const running_task& task) {
    return std::none_of(second.tasks.begin(), second.tasks.end(), [&](const running_task& later) {
      return later.id == task.id && later.thread == task.thread && later.resumes == task.resumes;
    });
  });
}

std::optional<running_task> read_starting(const target& from, std::uint32_t thread) {
  if (!from.roots()) return std::nullopt;
  detail::task_filter blocked;
  blocked.states = 1U << static_cast<unsigned>(detail::task_state::blocked);
  std::optional<running_task> last;
  std::uint64_t since = 0;
  bool alone = true;
  static_cast<void>(registry_reader(from.bytes(), *from.roots()).walk(blocked, 0, [&](const target_task& task) {
    if (layout::state_of(task.word) != layout::record_state::blocked_unknown || task.since < since) return;
    // Written when the task was resumed, and still there.
    if (from.bytes().get<std::uint32_t>(task.record + offsetof(layout::record, thread)) != thread) return;
    alone = task.since != since;
    since = task.since;
    last = running_task{.id = task.id, .thread = thread, .resumes = task.resumes};
  }));
  return alone ? last : std::nullopt;
}

const running_task* running_on(const running_tasks& running, std::uint32_t thread) {
  const running_task* innermost = nullptr;
  for (const auto& task : running.tasks) {
    // Resumed last. Of two in the same tick the younger one, which the older one may have spawned.
    if (task.thread == thread && (!innermost || task.age_ms <= innermost->age_ms)) innermost = &task;
  }
  return innermost;
}

}  // namespace tasks::cli

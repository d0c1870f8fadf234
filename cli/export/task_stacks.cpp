#include "export/task_stacks.hpp"

#include <chrono>
#include <optional>
#include <utility>

#include "export/go_profile.hpp"
#include "linux/proc.hpp"
#include "surveys/resolver.hpp"
#include "surveys/running_stacks.hpp"
#include "surveys/running_tasks.hpp"

namespace tasks::cli {

profile_title title_of(const snapshot_source& source) {
  using namespace std::chrono;
  if (const auto* then = source.recorded())
    return {subject_of(source.pid()), then->process().executable(), then->taken_at_ns(), {}};
  const auto now = duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count();
  return {subject_of(source.pid()), executable_of(source.pid()), now, {}};
}

result<void> write_task_stacks(fmt::memory_buffer& out, profile_format format, snapshot_source& source,
                               const v1::StacksRequest& query, const task_stacks_options& options,
                               const profile_title& title, const std::function<bool()>& flush) {
  resolver names(source, {.all_frames = options.all_frames});
  std::optional<running_stacks> native;
  if (options.native && may_select_running(query)) {
    auto look = running_stacks::look(source);
    if (!look) return look.why();
    native.emplace(*std::move(look));
  }
  stack_profile profile;
  resolved what;
  const auto read = source.stacks(query, [&](const v1::Chunk& chunk) {
    names.learn(chunk);
    for (const auto& task : chunk.tasks()) {
      names.resolve(task, what);
      if (native && task.state() == v1::Task::RUNNING)
        what.native = shown_frames(frames_of_task(native->stack_of(as_running(task))), options.all_frames);
      if (format != profile_format::goroutines) {
        profile.add(task, what);
        continue;
      }
      write_goroutine(out, task, what, profile);
      if (flush && !flush()) return false;
    }
    return true;
  });
  if (!read) return read.why();
  if (format != profile_format::goroutines) write_stacks(out, format, profile, title);
  return {};
}

}  // namespace tasks::cli

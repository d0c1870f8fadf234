#include "sources/chunk_maker.hpp"

#include <algorithm>
#include <cstddef>
#include <string>

#include "call_path.hpp"
#include "utf8.hpp"

namespace tasks::cli {
namespace {

constexpr int chunk_size = 512;

}  // namespace

std::uint32_t chunk_maker::number(std::uint64_t where) {
  if (where == 0) return 0;
  const auto [known, is_new] = locations_.try_emplace(where, static_cast<std::uint32_t>(locations_.size() + 1));
  if (!is_new) return known->second;
  auto& location = *chunk_.add_locations();
  location.set_id(known->second);
  if (layout::is_code(where)) {
    location.set_address(layout::code_address(where));
    return known->second;
  }
  // libstdc++'s std::source_location::__impl, see layout::entry.
  struct place {
    std::uint64_t file, function;
    std::uint32_t line, column;
  };
  if (const auto at = memory_.get<place>(where)) {
    location.set_function(memory_.string_at(at->function));
    location.set_file(memory_.string_at(at->file));
    location.set_line(at->line);
  }
  return known->second;
}

std::uint32_t chunk_maker::number_path(std::uint64_t path) {
  if (path == 0) return 0;
  const auto [known, is_new] = locations_.try_emplace(path, static_cast<std::uint32_t>(locations_.size() + 1));
  if (!is_new) return known->second;
  auto& location = *chunk_.add_locations();
  location.set_id(known->second);
  const auto calls = detail::read_call_path(path, [this](std::uint64_t at) { return memory_.get<std::uint64_t>(at); });
  location.mutable_calls()->Assign(calls.begin(), calls.end());
  return known->second;
}

void chunk_maker::fill_wait(layout::wait_kind kind, const detail::wait_copy& from, v1::Wait& wait) const {
  using layout::detail_kind;
  wait.set_kind(static_cast<v1::Wait::Kind>(kind));
  if (from.wait == 0) return;
  wait.set_object(from.object);
  if (const auto fd = layout::descriptor_of(from.wait); fd != layout::no_descriptor) wait.set_fd(fd);
  const auto expiry = static_cast<std::int64_t>(from.detail);
  const auto left_ms = expiry / 1'000'000 - static_cast<std::int64_t>(clocks_.monotonic_ms);
  const auto detail = layout::detail_of(from.wait);
  wait.set_has_timeout(detail == detail_kind::timeout || detail == detail_kind::capacity_and_timeout);
  switch (detail) {
    case detail_kind::none:
      break;
    case detail_kind::capacity:
    case detail_kind::capacity_and_timeout:
      wait.set_capacity(from.detail);
      break;
    case detail_kind::timeout:
      if (expiry != INT64_MAX) wait.set_times_out_in_ms(left_ms);
      break;
    case detail_kind::steady_expiry:
      if (expiry == INT64_MAX)
        wait.set_never_expires(true);
      else
        wait.set_expires_in_ms(left_ms);
      break;
    case detail_kind::system_expiry:
      if (expiry == INT64_MAX)
        wait.set_never_expires(true);
      else if (clocks_.wall_ns)
        wait.set_expires_in_ms(expiry / 1'000'000 - *clocks_.wall_ns / 1'000'000);
      break;
  }
}

void chunk_maker::add(const target_task& task) {
  auto& to = *chunk_.add_tasks();
  const auto state = detail::state_of(task.word);
  to.set_id(task.id);
  to.set_parent(task.parent);
  to.set_state(static_cast<v1::Task::State>(state));
  if (state == detail::task_state::blocked)
    fill_wait(kind_of(task), {task.wait, task.object, task.detail}, *to.mutable_wait());
  for (std::size_t i = 1; i < task.group.count; ++i) {
    const auto& wait = task.group.pending[i];
    fill_wait(layout::kind_of(wait.wait), wait, *to.add_also());
  }
  to.set_members(task.group.members);
  to.set_ended_members(task.group.ended);
  to.set_task_members(task.group.tasks);
  to.set_age_ms(age_of(task, clocks_.monotonic_ms));
  to.set_age_unknown(!clocks_.tells_ages);
  to.set_resumes(task.resumes);
  to.set_thread(task.thread);
  const bool runs = state == detail::task_state::running;
  to.set_ran_before_fork(runs && own_threads_ &&
                         std::find(own_threads_->begin(), own_threads_->end(), task.thread) == own_threads_->end());
  for (auto i = task.depth; i-- > 0;) to.add_frames(number(task.where[i]));
  to.set_spawn_path(number_path(task.spawn_path));
  if (task.annotations != 0) {
    for (auto [key, value] : registries_.annotations(task)) {
      detail::make_utf8(key);
      detail::make_utf8(value);
      // Newest first: what is there already is newer.
      if (!key.empty()) {
        to.mutable_labels()->try_emplace(key, value);
      } else if (to.name().empty()) {
        to.set_name(value);
      }
    }
  }
  to.set_awaited((task.flags & layout::awaited) != 0);
  to.set_version(task.version());
  to.set_truncated(task.truncated);
  to.set_spawn_location(number(task.spawn_where));
  to.set_spawn_outer_location(number(task.spawn_outer));
  if (chunk_.tasks_size() >= chunk_size) flush();
}

void chunk_maker::add(const detail::stack_group& group, std::span<const std::uint64_t> frames) {
  auto& to = *chunk_.add_groups();
  to.set_count(group.count);
  to.set_state(static_cast<v1::Task::State>(group.state));
  if (group.state == detail::task_state::blocked) {
    to.mutable_wait()->set_kind(static_cast<v1::Wait::Kind>(group.kind));
    if (group.same_capacity) to.mutable_wait()->set_capacity(group.capacity);
  }
  for (auto i = frames.size(); i-- > 0;) to.add_frames(number(frames[i]));
  to.set_oldest_ms(group.ages[0]);
  to.set_age_unknown(!clocks_.tells_ages);
  for (std::size_t i = 0; i < group.id_count; ++i) to.add_ids(group.ids[i]);
  to.set_spawn_path(number_path(group.spawn_path));
  to.set_spawn_location(number(group.spawn_where));
  to.set_spawn_outer_location(number(group.spawn_outer));
  if (chunk_.groups_size() >= chunk_size) flush();
}

void chunk_maker::add(const detail::failure_copy& failure) {
  auto& to = *chunk_.add_failures();
  to.set_task(failure.id);
  to.set_location(number(failure.where));
  to.set_spawn_path(number_path(failure.spawn_path));
  to.set_spawn_location(number(failure.spawn_where));
  to.set_spawn_outer_location(number(failure.spawn_outer));
  to.set_type(failure.type);
  to.set_message(failure.message);
  to.set_age_ms(clocks_.monotonic_ms > failure.when ? clocks_.monotonic_ms - failure.when : 0);
}

void chunk_maker::flush() {
  const bool empty = chunk_.tasks_size() == 0 && chunk_.groups_size() == 0 && chunk_.failures_size() == 0;
  if (!stopped_ && !empty) stopped_ = !visit_(chunk_);
  chunk_.Clear();
}

}  // namespace tasks::cli

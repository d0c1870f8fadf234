#include "task_copy.hpp"

#include <time.h>

#include <algorithm>

namespace tasks::detail {

task_state state_of(std::uint64_t word) noexcept {
  using layout::record_state;
  switch (layout::state_of(word)) {
    case record_state::running:
      return task_state::running;
    case record_state::ready:
      return task_state::ready;
    default:
      return task_state::blocked;
  }
}

layout::wait_kind kind_of(const task_copy& task) noexcept {
  if (state_of(task.word) != task_state::blocked) return layout::wait_kind::none;
  const auto kind = layout::kind_of(task.wait);
  return kind == layout::wait_kind::none ? layout::wait_kind::other : kind;
}

std::uint64_t age_of(const task_copy& task, std::uint64_t now) noexcept {
  return state_of(task.word) == task_state::ready || now < task.since ? 0 : now - task.since;
}

std::uint64_t monotonic_ms() noexcept {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1000 + static_cast<std::uint64_t>(t.tv_nsec) / 1'000'000;
}

bool task_filter::passes(const task_copy& task, std::uint64_t now) const noexcept {
  if (states != 0 && (states >> static_cast<unsigned>(state_of(task.word)) & 1) == 0) return false;
  if (kinds != 0 && (kinds >> (static_cast<unsigned>(kind_of(task)) & 63) & 1) == 0) return false;
  if (older_than_ms != 0 && age_of(task, now) <= older_than_ms) return false;
  return ids.empty() || std::binary_search(ids.begin(), ids.end(), task.id);
}

void walk_counts::add(const task_copy& task) noexcept {
  ++tasks;
  switch (state_of(task.word)) {
    case task_state::ready:
      ++ready;
      break;
    case task_state::running:
      ++running;
      break;
    case task_state::blocked:
      ++blocked;
      break;
  }
  const auto kind = kind_of(task);
  if (kind == layout::wait_kind::channel_send || kind == layout::wait_kind::channel_receive) ++on_channels;
  if (kind == layout::wait_kind::tasks) ++on_tasks;
}

void walk_counts::add_torn() noexcept {
  ++torn;
  ++tasks;
  ++running;
}

bool walk_counts::all_on_channels() const noexcept { return on_channels != 0 && on_channels + on_tasks == tasks; }

}  // namespace tasks::detail

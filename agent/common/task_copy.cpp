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

namespace {

bool is_channel(layout::wait_kind kind) noexcept {
  return kind == layout::wait_kind::channel_send || kind == layout::wait_kind::channel_receive;
}

/// Less: matters more.
int rank_of(const wait_copy& w) noexcept {
  using enum layout::wait_kind;
  switch (layout::kind_of(w.wait)) {
    case socket_connect:
    case socket_accept:
    case socket_read:
    case socket_write:
    case socket_wait:
      return 0;
    case descriptor_read:
    case descriptor_write:
    case descriptor_wait:
    case resolve:
      return 1;
    case channel_send:
    case channel_receive:
      return 2;
    case signal:
      return 3;
    case timer:
      return 4;
    case post:
      return 5;
    default:
      return 6;
  }
}

template <class Number>
bool has(const std::vector<Number>& sorted, Number one) noexcept {
  return std::binary_search(sorted.begin(), sorted.end(), one);
}

bool waits_for(const task_copy& task, const std::vector<std::uint32_t>& fds) noexcept {
  const auto is_one = [&](std::uint64_t wait) {
    const auto fd = layout::descriptor_of(wait);
    return fd != layout::no_descriptor && has(fds, fd);
  };
  if (state_of(task.word) == task_state::blocked && task.wait != 0 && is_one(task.wait)) return true;
  for (std::size_t i = 1; i < task.group.count; ++i)
    if (is_one(task.group.pending[i].wait)) return true;
  return false;
}

}  // namespace

bool has_another_way_on(const task_copy& task) noexcept {
  const auto detail = layout::detail_of(task.wait);
  if (detail == layout::detail_kind::timeout || detail == layout::detail_kind::capacity_and_timeout) return true;
  const auto& group = task.group;
  if (group.ended + group.tasks + group.count < group.members) return true;
  return std::any_of(group.pending.begin(), group.pending.begin() + static_cast<std::ptrdiff_t>(group.count),
                     [](const wait_copy& w) { return !is_channel(layout::kind_of(w.wait)); });
}

void take_group(std::uint64_t members, std::span<const wait_copy, layout::group_record::room> waits, task_copy& to) {
  auto& group = to.group;
  group = {};
  group.members = static_cast<std::uint32_t>(members);
  group.tasks = static_cast<std::uint32_t>(members >> 32);
  for (std::size_t i = 0; i < std::min<std::size_t>(waits.size(), group.members); ++i) {
    const auto kind = waits[i].wait & 0xff;
    if (kind == layout::member_ended) ++group.ended;
    if (kind == 0 || kind >= layout::member_between) continue;
    group.pending[group.count] = waits[i];
    group.pending[group.count++].wait &= ~layout::generation_mask;
  }
  std::stable_sort(group.pending.begin(), group.pending.begin() + static_cast<std::ptrdiff_t>(group.count),
                   [](const wait_copy& a, const wait_copy& b) { return rank_of(a) < rank_of(b); });
  // Tasks that it spawned are looked at for themselves; they count where nothing else is known to pend.
  const bool only_tasks = group.tasks != 0 && group.ended + group.tasks >= group.members;
  const auto none = layout::pack_wait(only_tasks ? layout::wait_kind::tasks : layout::wait_kind::other,
                                      layout::detail_kind::none, layout::no_descriptor);
  const wait_copy first = group.count != 0 ? group.pending[0] : wait_copy{none, 0, 0};
  to.wait = first.wait;
  to.object = first.object;
  to.detail = first.detail;
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
  if (!threads.empty() && (task.thread == 0 || !has(threads, task.thread))) return false;
  if (!fds.empty() && !waits_for(task, fds)) return false;
  return ids.empty() || has(ids, task.id);
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
  if (is_channel(kind)) ++on_channels;
  if (kind == layout::wait_kind::tasks) ++on_tasks;
  if (has_another_way_on(task)) ++on_more;
}

void walk_counts::add_torn() noexcept {
  ++torn;
  ++tasks;
  ++running;
}

bool walk_counts::all_on_channels() const noexcept {
  return on_channels != 0 && on_channels + on_tasks == tasks && on_more == 0;
}

}  // namespace tasks::detail

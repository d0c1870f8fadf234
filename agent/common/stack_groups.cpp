#include "stack_groups.hpp"

#include <algorithm>
#include <bit>

namespace tasks::detail {
namespace {

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) noexcept {
  return std::rotl((hash ^ value) * 0x9e37'79b9'7f4a'7c15u, 31);
}

std::uint64_t hash_of(const task_copy& task) noexcept {
  auto hash =
      mix(task.depth, static_cast<std::uint64_t>(state_of(task.word)) << 8 | static_cast<std::uint64_t>(kind_of(task)));
  hash = mix(hash, task.spawn_path);
  for (std::size_t i = 0; i < task.depth; ++i) hash = mix(hash, task.where[i]);
  return hash;
}

/// Keeps the three oldest; of equally old ones those with the lower ids.
void note_age(stack_group& group, const task_copy& task, std::uint64_t age) noexcept {
  std::size_t at = group.id_count;
  while (at > 0 && (age > group.ages[at - 1] || (age == group.ages[at - 1] && task.id < group.ids[at - 1]))) --at;
  if (at == stack_group::most_ids) return;
  if (group.id_count < stack_group::most_ids) ++group.id_count;
  for (std::size_t i = group.id_count - 1; i > at; --i) {
    group.ids[i] = group.ids[i - 1];
    group.ages[i] = group.ages[i - 1];
  }
  group.ids[at] = task.id;
  group.ages[at] = age;
  if (at == 0) {
    group.spawn_where = task.spawn_where;
    group.spawn_outer = task.spawn_outer;
  }
}

bool has_capacity(const task_copy& task) noexcept {
  const auto detail = layout::detail_of(task.wait);
  return detail == layout::detail_kind::capacity || detail == layout::detail_kind::capacity_and_timeout;
}

}  // namespace

stack_groups::stack_groups() : table_(256) {}

std::size_t stack_groups::add(const task_copy& task, std::uint64_t age) {
  stack_group* group = find(task, hash_of(task));
  if (group == nullptr) {
    ++left_out_;
    return no_group;
  }
  ++group->count;
  if (!has_capacity(task) || task.detail != group->capacity) group->same_capacity = false;
  note_age(*group, task, age);
  return group->number;
}

/// The task's group, made when there is none yet. Null: there is no room for it.
stack_group* stack_groups::find(const task_copy& task, std::uint64_t hash) {
  const auto mask = table_.size() - 1;
  auto slot = hash & mask;
  for (; table_[slot] != 0; slot = (slot + 1) & mask) {
    auto& group = groups_[table_[slot] - 1];
    if (group.hash == hash && group.depth == task.depth && group.state == state_of(task.word) &&
        group.kind == kind_of(task) && group.truncated == task.truncated && group.spawn_path == task.spawn_path &&
        std::equal(task.where.begin(), task.where.begin() + static_cast<std::ptrdiff_t>(task.depth),
                   frames_.begin() + static_cast<std::ptrdiff_t>(group.first_frame)))
      return &group;
  }
  if (groups_.size() == most_groups || task.depth > most_frames - frames_.size()) return nullptr;
  const auto first = frames_.size();
  frames_.insert(frames_.end(), task.where.begin(), task.where.begin() + static_cast<std::ptrdiff_t>(task.depth));
  groups_.push_back({.hash = hash,
                     .count = 0,
                     .state = state_of(task.word),
                     .kind = kind_of(task),
                     .truncated = task.truncated,
                     .same_capacity = has_capacity(task),
                     .capacity = task.detail,
                     .spawn_path = task.spawn_path,
                     .spawn_where = 0,
                     .spawn_outer = 0,
                     .id_count = 0,
                     .ids = {},
                     .ages = {},
                     .first_frame = first,
                     .depth = task.depth,
                     .number = groups_.size()});
  table_[slot] = static_cast<std::uint32_t>(groups_.size());
  if (groups_.size() * 2 > table_.size()) grow();
  return &groups_.back();
}

void stack_groups::grow() {
  std::vector<std::uint32_t> larger(table_.size() * 2);
  const auto mask = larger.size() - 1;
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    auto slot = groups_[i].hash & mask;
    while (larger[slot] != 0) slot = (slot + 1) & mask;
    larger[slot] = static_cast<std::uint32_t>(i + 1);
  }
  table_.swap(larger);
}

std::span<const stack_group> stack_groups::sort() {
  table_ = {};
  std::sort(groups_.begin(), groups_.end(), [](const stack_group& a, const stack_group& b) {
    if (a.count != b.count) return a.count > b.count;
    return a.ages[0] != b.ages[0] ? a.ages[0] > b.ages[0] : a.ids[0] < b.ids[0];
  });
  return groups_;
}

}  // namespace tasks::detail

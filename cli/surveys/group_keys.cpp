#include "surveys/group_keys.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "surveys/timing.hpp"

namespace tasks::cli {
namespace {

void append_number(std::string& key, std::uint32_t number) {
  key.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void drop_capacity_unless_same(v1::Group& group, const v1::Wait& other) {
  const auto& wait = group.wait();
  if (wait.has_capacity() != other.has_capacity() || wait.capacity() != other.capacity())
    group.mutable_wait()->clear_capacity();
}

/// Adds `from`, of which every line reads alike, to a group.
void merge(v1::Group& to, const v1::Group& from) {
  const bool older = from.oldest_ms() > to.oldest_ms();
  auto ids = older ? from.ids() : to.ids();
  ids.MergeFrom(older ? to.ids() : from.ids());
  if (ids.size() > most_ids) ids.Truncate(most_ids);
  *to.mutable_ids() = ids;
  if (older) {
    to.set_spawn_location(from.spawn_location());
    to.set_spawn_outer_location(from.spawn_outer_location());
  }
  to.set_oldest_ms(std::max(to.oldest_ms(), from.oldest_ms()));
  to.set_count(to.count() + from.count());
  if (to.has_wait()) drop_capacity_unless_same(to, from.wait());
  if (from.has_timing()) add_timing(*to.mutable_timing(), from.timing());
}

/// A group of one.
v1::Group group_of(const v1::Task& task) {
  v1::Group group;
  group.set_count(1);
  group.set_state(task.state());
  if (task.has_wait()) {
    group.mutable_wait()->set_kind(task.wait().kind());
    if (task.wait().has_capacity()) group.mutable_wait()->set_capacity(task.wait().capacity());
    if (task.wait().has_fd()) group.mutable_wait()->set_fd(task.wait().fd());
  }
  *group.mutable_frames() = task.frames();
  group.set_oldest_ms(task.age_ms());
  group.add_ids(task.id());
  group.set_spawn_path(task.spawn_path());
  group.set_spawn_location(task.spawn_location());
  group.set_spawn_outer_location(task.spawn_outer_location());
  group.set_age_unknown(task.age_unknown());
  if (task.has_timing()) *group.mutable_timing() = task.timing();
  return group;
}

}  // namespace

void name_task(const v1::Task& task, v1::Group& group, std::vector<v1::Task>& named) {
  group.add_ids(task.id());
  if (task.name().empty() && task.labels().empty()) return;
  auto& kept = named.emplace_back();
  kept.set_id(task.id());
  kept.set_name(task.name());
  *kept.mutable_labels() = task.labels();
}

void group_keys::learn(const v1::Chunk& chunk) {
  for (const auto& location : chunk.locations()) places_[location.id()] = names_->read(location);
}

const reading* group_keys::find(std::uint32_t location) const {
  const auto found = places_.find(location);
  return found == places_.end() ? nullptr : &found->second;
}

template <class Message>
group_key group_keys::key_of(const Message& message) const {
  group_key key;
  append_number(key, static_cast<std::uint32_t>(message.state()));
  append_number(key, static_cast<std::uint32_t>(message.wait().kind()));
  const auto append_frames = [&](bool all) {
    for (const auto location : message.frames()) {
      const auto* read = find(location);
      if (all || read == nullptr || !read->hidden) append_number(key, read == nullptr ? 0 : read->number);
    }
  };
  const auto before = key.size();
  append_frames(false);
  if (key.size() == before) append_frames(true);  // as they are shown then
  if (!names_->shows_spawn_sites()) return key;
  const auto* site = find(message.spawn_path());
  const auto* after = find(message.spawn_location());
  if (after != nullptr && after->plumbing && (site == nullptr || site->hidden))
    site = find(message.spawn_outer_location());
  if (site != nullptr && !site->plumbing && !site->hidden) {
    append_number(key, site->number);
  } else if (after != nullptr && !after->plumbing) {
    append_number(key, ~after->number);
  }
  return key;
}

template group_key group_keys::key_of(const v1::Task&) const;
template group_key group_keys::key_of(const v1::Group&) const;

std::uint32_t alike_groups::find_heading(const v1::Task& task) {
  if (!heading_) return 0;
  auto text = heading_(task);
  const auto [known, is_new] = known_headings_.try_emplace(text, static_cast<std::uint32_t>(headings_.size()));
  if (is_new) headings_.push_back({std::move(text)});
  auto& its = headings_[known->second];
  ++its.count;
  its.oldest_ms = std::max(its.oldest_ms, task.age_ms());
  its.busy_ns += busy_ns(task.timing());
  return known->second;
}

std::size_t alike_groups::add_group(v1::Group group, std::uint32_t under) {
  groups_.push_back(std::move(group));
  under_.push_back(under);
  return groups_.size() - 1;
}

/// The location in a user's function where it is awaited, or whoever awaits it was; nothing: it is not, or not known.
std::optional<std::uint32_t> alike_groups::place_that_awaits(const v1::Task& task) {
  // Who awaits tasks is asked of later.
  if (!names_->shows_spawn_sites() || (!task.awaited() && task.wait().kind() != v1::Wait::TASKS)) return std::nullopt;
  names_->resolve(task, meaning_);
  const auto* at = meaning_.awaited_at != nullptr ? meaning_.awaited_at : meaning_.spawned_at;
  if (!meaning_.awaited || at == nullptr || at->id == 0) return std::nullopt;
  return at->id;
}

/// Adds a task to a group of which every line reads alike, and its id to all that it has.
void alike_groups::add(const v1::Task& of) {
  auto task = of;
  if (const auto place = place_that_awaits(of)) task.set_spawn_path(*place);
  auto key = keys_.of(task);
  const auto under = find_heading(task);
  if (heading_) append_number(key, under);
  const auto [known, is_new] = known_.try_emplace(std::move(key), groups_.size());
  if (is_new) {
    add_group(group_of(task), under);
    return;
  }
  auto& group = groups_[known->second];
  group.set_count(group.count() + 1);
  group.add_ids(task.id());
  if (group.has_wait()) drop_capacity_unless_same(group, task.wait());
  if (group.wait().has_fd()) group.mutable_wait()->clear_fd();
  if (task.has_timing()) add_timing(*group.mutable_timing(), task.timing());
  if (task.age_ms() <= group.oldest_ms()) return;
  group.set_oldest_ms(task.age_ms());
  group.set_spawn_location(task.spawn_location());
  group.set_spawn_outer_location(task.spawn_outer_location());
}

void alike_groups::add(const v1::Chunk& chunk) {
  keys_.learn(chunk);
  if (of_tasks_) {
    for (const auto& task : chunk.tasks()) add(task);
    return;
  }
  for (const auto& group : chunk.groups()) {
    const auto [known, is_new] = known_.try_emplace(keys_.of(group), groups_.size());
    if (is_new)
      add_group(group, 0);
    else
      merge(groups_[known->second], group);
  }
}

std::vector<v1::Group> alike_groups::finish(group_order order) {
  known_.clear();
  if (of_tasks_)
    for (auto& group : groups_) std::sort(group.mutable_ids()->begin(), group.mutable_ids()->end());
  const auto rank = [order](std::uint64_t count, std::uint64_t oldest, std::uint64_t busy) {
    return order == group_order::by_count ? std::tuple(count, oldest, busy)
           : order == group_order::by_age ? std::tuple(oldest, count, busy)
                                          : std::tuple(busy, count, oldest);
  };
  const auto rank_of = [&](std::uint32_t i) {
    const auto& under = headings_[under_[i]];
    return std::tuple(!under.text.empty(), rank(under.count, under.oldest_ms, under.busy_ns), ~under_[i],
                      rank(groups_[i].count(), groups_[i].oldest_ms(), busy_ns(groups_[i].timing())));
  };
  std::vector<std::uint32_t> sorted(groups_.size());
  for (std::uint32_t i = 0; i < sorted.size(); ++i) sorted[i] = i;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return rank_of(a) > rank_of(b); });
  std::vector<v1::Group> groups;
  std::vector<std::uint32_t> under;
  for (const auto i : sorted) {
    groups.push_back(std::move(groups_[i]));
    under.push_back(under_[i]);
  }
  groups_.clear();
  under_ = std::move(under);
  return groups;
}

}  // namespace tasks::cli

#include "surveys/group_keys.hpp"

#include <algorithm>
#include <utility>

namespace tasks::cli {
namespace {

void append_number(std::string& key, std::uint32_t number) {
  key.append(reinterpret_cast<const char*>(&number), sizeof number);
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
  const bool same_capacity =
      to.wait().has_capacity() == from.wait().has_capacity() && to.wait().capacity() == from.wait().capacity();
  if (to.has_wait() && !same_capacity) to.mutable_wait()->clear_capacity();
}

}  // namespace

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

void alike_groups::add(const v1::Chunk& chunk) {
  keys_.learn(chunk);
  for (const auto& group : chunk.groups()) {
    const auto [known, is_new] = known_.try_emplace(keys_.of(group), groups_.size());
    if (is_new)
      groups_.push_back(group);
    else
      merge(groups_[known->second], group);
  }
}

std::vector<v1::Group> alike_groups::finish() {
  known_.clear();
  std::stable_sort(groups_.begin(), groups_.end(), [](const v1::Group& a, const v1::Group& b) {
    return std::pair(a.count(), a.oldest_ms()) > std::pair(b.count(), b.oldest_ms());
  });
  return std::move(groups_);
}

}  // namespace tasks::cli

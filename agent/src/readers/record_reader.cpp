#include "readers/record_reader.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

namespace tasks::detail {
namespace {

using layout::record_state;

constexpr int attempts = 256;
constexpr std::size_t most_annotations = 64;

std::uint64_t read(const layout::word_t& field) noexcept { return field.load(std::memory_order_acquire); }

/// Entries beyond the inline ones. False: the chain does not hold together, so the task has changed.
bool copy_overflow(const layout::record& from, std::size_t depth, slab_map& slabs, task_copy& to) {
  auto next = read(from.overflow);
  for (std::size_t i = layout::inline_entries; i < depth;) {
    if (next == 0 || !slabs.holds(next)) return false;
    const auto& more = slab_map::as<layout::overflow_record>(next);
    if (layout::state_of(read(more.word)) != record_state::overflow || read(more.owner_id) != to.id) return false;
    for (const auto& e : more.stack) {
      if (i == depth) break;
      to.where[i++] = read(e.where);
    }
    next = read(more.next);
  }
  return true;
}

/// One member's wait. Between two operations where it changes too often to be copied.
wait_copy copy_member(const layout::group_record::member& from) noexcept {
  for (int i = 0; i < attempts; ++i) {
    const wait_copy copy{read(from.wait), read(from.object), read(from.detail)};
    if (read(from.wait) == copy.wait) return copy;
  }
  return {layout::member_between, 0, 0};
}

/// The group that the task awaits. False: it is not there, so the task has changed.
bool copy_group(slab_map& slabs, task_copy& to) {
  if (!slabs.holds(to.object)) return false;
  const auto& from = slab_map::as<layout::group_record>(to.object);
  if (layout::state_of(read(from.word)) != record_state::group || read(from.owner_id) != to.id) return false;
  std::array<wait_copy, layout::group_record::room> waits;
  for (std::size_t i = 0; i < waits.size(); ++i) waits[i] = copy_member(from.waits[i]);
  take_group(read(from.members), waits, to);
  return true;
}

bool copy_fields(const layout::record& from, slab_map& slabs, task_copy& to) {
  const auto state = layout::state_of(to.word);
  const auto depth = layout::depth_of(to.word);
  to.depth = std::min<std::size_t>(depth, deepest_stack);
  to.truncated = to.depth != depth || depth == layout::max_depth;
  to.id = read(from.id);
  to.parent = read(from.parent);
  to.resumes = read(from.resumes);
  const bool running = state == record_state::running;
  to.since = read(running ? from.running_since : from.since);
  to.thread = running ? from.thread.load(std::memory_order_acquire) : 0;
  to.flags = from.flags.load(std::memory_order_acquire);
  const bool known = state == record_state::blocked;
  to.wait = known ? read(from.wait) : 0;
  to.object = known ? read(from.object) : 0;
  to.detail = known ? read(from.detail) : 0;
  to.group = {};
  if (layout::kind_of(to.wait) == layout::wait_kind::group && !copy_group(slabs, to)) return false;
  to.spawn_path = read(from.spawn_path);
  to.spawn_where = read(from.spawn_where);
  to.spawn_outer = read(from.spawn_outer);
  to.annotations = read(from.annotations);
  const auto inline_depth = std::min(to.depth, layout::inline_entries);
  if (to.where.size() < std::max(to.depth, layout::inline_entries))
    to.where.resize(std::max(to.depth, layout::inline_entries));
  for (std::size_t i = 0; i < inline_depth; ++i) to.where[i] = read(from.stack[i].where);
  return to.depth <= layout::inline_entries || copy_overflow(from, to.depth, slabs, to);
}

}  // namespace

copied copy_task(const layout::record& from, slab_map& slabs, task_copy& to) {
  for (int i = 0; i < attempts; ++i) {
    to.word = read(from.word);
    if (!layout::is_task(to.word)) return copied::not_a_task;
    if (copy_fields(from, slabs, to) && read(from.word) == to.word) return copied::whole;
  }
  return copied::torn;
}

void copy_annotations(const task_copy& task, slab_map& slabs, std::vector<annotation_copy>& to) {
  to.clear();
  auto next = task.annotations;
  for (std::size_t count = 0; next != 0 && count < most_annotations && slabs.holds(next); ++count) {
    const auto& from = slab_map::as<layout::annotation_record>(next);
    annotation_copy copy;
    std::uint64_t word = 0;
    bool whole = false;
    for (int i = 0; i < attempts && !whole; ++i) {
      word = read(from.word);
      if (read(from.owner_id) != task.id) return;
      next = read(from.next);
      const auto state = layout::state_of(word);
      if (state == record_state::group || state == record_state::timing) break;
      if (state != record_state::annotation) return;
      for (std::size_t k = 0; k < layout::annotation_record::words; ++k) {
        const std::uint64_t key = read(from.key[k]);
        const std::uint64_t value = read(from.value[k]);
        std::memcpy(&copy.key[k * 8], &key, 8);
        std::memcpy(&copy.value[k * 8], &value, 8);
      }
      whole = (word & layout::one_version) == 0 && read(from.word) == word;
    }
    if (!whole) continue;
    copy.key.back() = copy.value.back() = 0;
    to.push_back(copy);
  }
}

void copy_failures(const layout::registry& from, std::vector<failure_copy>& to) {
  for (const auto& each : from.recent) {
    failure_words words{};
    words[0] = read(each.number);
    const auto* fields = &each.number;
    for (std::size_t i = 1; i < words.size(); ++i) words[i] = read(fields[i]);
    add_failure(words, read(each.number), to);
  }
}

}  // namespace tasks::detail

#include "target/registry_reader.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <optional>

#include "base/progress.hpp"

namespace tasks::cli {
namespace {

using layout::record_state;

constexpr int attempts = 64;
constexpr std::size_t deepest_stack = 65536;
constexpr std::size_t most_annotations = 64;
constexpr std::uint64_t slab_bytes = layout::slab_records * layout::record_size;
/// One of each object with the agent in it.
constexpr std::size_t most_registries = 256;

/// Records are handed out in batches, of which not every page need be used, and the kernel counts pages coarsely.
constexpr std::uint64_t always_possible = 64 << 20;
constexpr std::uint64_t possible_times_resident = 4;

/// Of single records in one walk. Each task may be read several times, and each record of its stack with it.
constexpr std::uint64_t most_reads(std::uint64_t records) { return 8 * records + (std::uint64_t{1} << 16); }

/// A field of a copied record.
template <class T>
T field(const unsigned char* bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes + offset, sizeof value);
  return value;
}
std::uint64_t word_of(const unsigned char* bytes) {
  return field<std::uint64_t>(bytes, offsetof(layout::record, word));
}

std::string text_of(const unsigned char* bytes) {
  const auto* text = reinterpret_cast<const char*>(bytes);
  return {text, ::strnlen(text, layout::text_size)};
}

}  // namespace

registry_reader::registry_reader(const memory& from, const std::vector<root_copy>& roots) : memory_(from) {
  for (const auto& root : roots) {
    if (root.layout != layout::version || root.records == 0) continue;
    registries_.push_back(root.records);
    root_tick_ = std::max(root_tick_, root.tick);
  }
  std::sort(registries_.begin(), registries_.end());
  registries_.erase(std::unique(registries_.begin(), registries_.end()), registries_.end());
  const auto overlap = std::adjacent_find(registries_.begin(), registries_.end(), [](std::uint64_t a, std::uint64_t b) {
    return b - a < sizeof(layout::registry);
  });
  incomplete_ = overlap != registries_.end() || registries_.size() > most_registries;
  if (overlap != registries_.end()) registries_.erase(overlap + 1, registries_.end());
  if (registries_.size() > most_registries) registries_.resize(most_registries);
}

void registry_reader::find_slabs() {
  slabs_.clear();
  std::set<std::uint64_t> places;
  for (const auto registry : registries_) add_slabs(registry, places);
  limit_slabs();
}

/// `places`: where slabs lie already, which no other one may overlap.
void registry_reader::add_slabs(std::uint64_t registry, std::set<std::uint64_t>& places) {
  const auto used = memory_.get<std::uint64_t>(registry + offsetof(layout::registry, used));
  const auto records = std::min<std::uint64_t>(used.value_or(0), layout::max_slabs * layout::slab_records);
  std::vector<std::uint64_t> addresses((records + layout::slab_records - 1) / layout::slab_records);
  const auto size = addresses.size() * sizeof addresses[0];
  if (!used || memory_.read(registry + offsetof(layout::registry, slabs), addresses.data(), size) != size) {
    incomplete_ = true;
    return;
  }
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const auto at = addresses[i];
    if (at == 0) continue;
    const auto after = places.upper_bound(at);
    const bool overlaps = (after != places.end() && *after - at < slab_bytes) ||
                          (after != places.begin() && at - *std::prev(after) < slab_bytes);
    if (overlaps || at > address_bits) {
      incomplete_ = true;
      continue;
    }
    places.insert(after, at);
    slabs_.push_back({at, std::min<std::size_t>(records - i * layout::slab_records, layout::slab_records)});
  }
}

/// To what the process has memory for.
void registry_reader::limit_slabs() {
  std::uint64_t records = 0;
  for (const auto& each : slabs_) records += each.records;
  if (const auto resident = records * layout::record_size > always_possible ? memory_.resident_bytes() : std::nullopt) {
    const auto most = (possible_times_resident * *resident + always_possible) / layout::record_size;
    for (; records > most; slabs_.pop_back(), incomplete_ = true) records -= slabs_.back().records;
  }
  reads_left_ = most_reads(records);
}

/// Counts it. False: there have been more than any registry that holds together needs.
bool registry_reader::may_read() const {
  if (reads_left_ != 0) return --reads_left_, true;
  incomplete_ = true;
  return false;
}

/// Fills task_ from a record's bytes, but for what lies in other records. False: it has some.
bool registry_reader::take_fields(const unsigned char* bytes, std::uint64_t word) {
  using layout::record;
  const auto get = [bytes](std::size_t offset) { return field<std::uint64_t>(bytes, offset); };
  const auto state = layout::state_of(word);
  const auto depth = layout::depth_of(word);
  const bool running = state == record_state::running, known = state == record_state::blocked;
  auto& t = task_;
  t.word = word;
  t.depth = std::min<std::size_t>(depth, deepest_stack);
  t.truncated = t.depth != depth || depth == layout::max_depth;
  t.id = get(offsetof(record, id));
  t.parent = get(offsetof(record, parent));
  t.resumes = get(offsetof(record, resumes));
  t.since = get(running ? offsetof(record, running_since) : offsetof(record, since));
  t.thread = running ? field<std::uint32_t>(bytes, offsetof(record, thread)) : 0;
  t.flags = field<std::uint32_t>(bytes, offsetof(record, flags));
  t.wait = known ? get(offsetof(record, wait)) : 0;
  t.object = known ? get(offsetof(record, object)) : 0;
  t.detail = known ? get(offsetof(record, detail)) : 0;
  t.group = {};
  t.spawn_path = get(offsetof(record, spawn_path));
  t.spawn_where = get(offsetof(record, spawn_where));
  t.spawn_outer = get(offsetof(record, spawn_outer));
  t.annotations = get(offsetof(record, annotations));
  const auto room = std::max(t.depth, layout::inline_entries);
  if (t.where.size() < room) t.where.resize(room);
  if (t.frames.size() < room) t.frames.resize(room);
  for (std::size_t i = 0; i < std::min(t.depth, layout::inline_entries); ++i) {
    const auto at = offsetof(record, stack) + i * sizeof(layout::entry);
    t.where[i] = get(at + offsetof(layout::entry, where));
    t.frames[i] = get(at + offsetof(layout::entry, frame));
  }
  return t.depth <= layout::inline_entries && layout::kind_of(t.wait) != layout::wait_kind::group;
}

/// What the members wait for of the group that the task awaits; true where it awaits none. False: it is not there, so
/// the task has changed.
bool registry_reader::take_members() {
  using layout::group_record;
  if (layout::kind_of(task_.wait) != layout::wait_kind::group) return true;
  const auto at = task_.object;
  unsigned char bytes[layout::record_size], again[layout::record_size];
  if (memory_.read(at, bytes, sizeof bytes) != sizeof bytes || memory_.read(at, again, sizeof again) != sizeof again)
    return false;
  if (layout::state_of(word_of(bytes)) != record_state::group ||
      field<std::uint64_t>(bytes, offsetof(group_record, owner_id)) != task_.id)
    return false;
  std::array<detail::wait_copy, group_record::room> waits;
  for (std::size_t i = 0; i < waits.size(); ++i) {
    const auto member = offsetof(group_record, waits) + i * sizeof(group_record::member);
    waits[i] = field<detail::wait_copy>(bytes, member);
    // Changed meanwhile: what was read of it may be of two operations.
    if (field<detail::wait_copy>(again, member).wait != waits[i].wait) waits[i] = {layout::member_between, 0, 0};
  }
  detail::take_group(field<std::uint64_t>(bytes, offsetof(group_record, members)), waits, task_);
  return true;
}

/// The entries beyond the inline ones. False: the chain does not hold together, so the task has changed.
bool registry_reader::take_overflow(std::uint64_t next) {
  using layout::overflow_record;
  unsigned char bytes[layout::record_size];
  for (std::size_t i = layout::inline_entries; i < task_.depth;) {
    if (next == 0 || !may_read() || memory_.read(next, bytes, sizeof bytes) != sizeof bytes) return false;
    if (layout::state_of(word_of(bytes)) != record_state::overflow ||
        field<std::uint64_t>(bytes, offsetof(overflow_record, owner_id)) != task_.id)
      return false;
    for (std::size_t k = 0; k < layout::overflow_entries && i < task_.depth; ++k, ++i) {
      const auto at = offsetof(overflow_record, stack) + k * sizeof(layout::entry);
      task_.where[i] = field<std::uint64_t>(bytes, at + offsetof(layout::entry, where));
      task_.frames[i] = field<std::uint64_t>(bytes, at + offsetof(layout::entry, frame));
    }
    next = field<std::uint64_t>(bytes, offsetof(overflow_record, next));
  }
  return true;
}

/// One record by itself: a deep stack, or a task that was switched while its slab was copied.
registry_reader::taken registry_reader::read_again(std::uint64_t address) {
  unsigned char bytes[layout::record_size] = {}, last[layout::record_size];
  for (int i = 0; i < attempts && may_read(); ++i) {
    const auto before = memory_.get<std::uint64_t>(address);
    if (!before) return taken::torn;
    if (!layout::is_task(*before)) return taken::no_task;
    std::memcpy(last, bytes, sizeof last);
    if (memory_.read(address, bytes, sizeof bytes) != sizeof bytes) return taken::torn;
    const bool whole =
        take_fields(bytes, *before) ||
        (take_overflow(field<std::uint64_t>(bytes, offsetof(layout::record, overflow))) && take_members());
    if (whole && memory_.get<std::uint64_t>(address) == before) return taken::whole;
    if (memory_.is_still()) break;
    if (i > attempts / 2 && take_steady(last, bytes)) return taken::whole;
  }
  return taken::torn;
}

/// A task that never rests is not read between two of its turns. But what is the same in two of them is so, and so is
/// each word by itself; what it waits for is not.
bool registry_reader::take_steady(const unsigned char* before, const unsigned char* bytes) {
  using layout::record;
  const auto word = word_of(bytes), other = word_of(before);
  const auto depth = layout::depth_of(word);
  const auto state = layout::state_of(word);
  if (!layout::is_task(word) || !layout::is_task(other) || state == record_state::ready) return false;
  if (depth != layout::depth_of(other) || depth > layout::inline_entries) return false;
  const auto same = [&](std::size_t offset, std::size_t size) {
    return std::memcmp(before + offset, bytes + offset, size) == 0;
  };
  if (!same(offsetof(record, id), sizeof(layout::word_t))) return false;
  for (std::size_t i = 0; i < depth; ++i)
    if (!same(offsetof(record, stack) + i * sizeof(layout::entry) + offsetof(layout::entry, frame),
              sizeof(std::uint64_t)))
      return false;
  const auto unknown = layout::state_bits_of(record_state::blocked_unknown);
  return take_fields(bytes, state == record_state::running ? word : (word & ~layout::state_mask) | unknown);
}

void registry_reader::read_slab(const slab& at, const detail::task_filter& filter, std::uint64_t now,
                                const visitor& visit, detail::walk_counts& counts) {
  const auto size = at.records * layout::record_size;
  const auto copy = [&](std::vector<unsigned char>& to) {
    to.resize(layout::slab_records * layout::record_size);
    const auto got = memory_.read(at.address, to.data(), size);
    if (got != size) incomplete_ = true;
    return got / layout::record_size;
  };
  const bool still = memory_.is_still();
  std::size_t records = copy(words_);
  if (!still) records = std::min({records, copy(records_), copy(words_again_)});
  for (std::size_t i = 0; i < records && !left_; ++i) {
    const auto offset = i * layout::record_size;
    const auto word = word_of(words_.data() + offset);
    const auto again = still ? word : word_of(words_again_.data() + offset);
    if (!layout::is_task(word) && !layout::is_task(again)) continue;
    auto found = taken::whole;
    if (word != again || !take_fields((still ? words_ : records_).data() + offset, word)) {
      found = read_again(at.address + offset);
    }
    if (found == taken::no_task) continue;
    if (found == taken::torn) {
      counts.add_torn();
      continue;
    }
    task_.record = at.address + offset;
    counts.add(task_);
    if (!filter.passes(task_, now)) continue;
    ++counts.matched;
    visit(task_);
  }
}

detail::walk_counts registry_reader::walk(const detail::task_filter& filter, std::uint64_t now, const visitor& visit) {
  detail::walk_counts counts;
  find_slabs();
  left_ = false;
  const busy_with reading("read", "records", record_count());
  for (const auto& at : slabs_) {
    if (left_) break;
    read_slab(at, filter, now, visit, counts);
    busy_with::advance(at.records);
  }
  return counts;
}

const target_task* registry_reader::read(std::uint64_t record) {
  if (record == 0 || record % layout::record_size != 0) return nullptr;
  reads_left_ = std::max(reads_left_, most_reads(0));
  if (read_again(record) != taken::whole) return nullptr;
  task_.record = record;
  return &task_;
}

void registry_reader::each_record(const record_visitor& visit) {
  find_slabs();
  const busy_with reading("read", "records", record_count());
  for (const auto& at : slabs_) {
    busy_with::advance(at.records);
    records_.resize(layout::slab_records * layout::record_size);
    const auto got = memory_.read(at.address, records_.data(), at.records * layout::record_size);
    if (got != at.records * layout::record_size) incomplete_ = true;
    for (std::size_t i = 0; (i + 1) * layout::record_size <= got; ++i) {
      const auto* bytes = records_.data() + i * layout::record_size;
      if (layout::is_task(word_of(bytes))) visit(at.address + i * layout::record_size, bytes);
    }
  }
}

std::uint64_t registry_reader::record_count() const noexcept {
  std::uint64_t count = 0;
  for (const auto& each : slabs_) count += each.records;
  return count;
}

std::vector<range> registry_reader::slabs() const {
  std::vector<range> found;
  for (const auto& each : slabs_) found.push_back({each.address, each.address + each.records * layout::record_size});
  return found;
}

std::vector<std::pair<std::string, std::string>> registry_reader::annotations(const target_task& task) const {
  using layout::annotation_record;
  std::vector<std::pair<std::string, std::string>> found;
  // Of tasks that another reader has found one at a time.
  if (slabs_.empty()) reads_left_ = std::max(reads_left_, most_reads(0));
  auto next = task.annotations;
  for (std::size_t count = 0; next != 0 && count < most_annotations; ++count) {
    unsigned char bytes[layout::record_size];
    std::optional<std::uint64_t> word;
    bool whole = false;
    for (int i = 0; i < attempts && !whole; ++i) {
      if (!may_read()) return found;
      word = memory_.get<std::uint64_t>(next);
      if (!word || memory_.read(next, bytes, sizeof bytes) != sizeof bytes) return found;
      if (field<std::uint64_t>(bytes, offsetof(annotation_record, owner_id)) != task.id) return found;
      const auto state = layout::state_of(*word);
      if (state == record_state::group || state == record_state::timing) break;
      if (state != record_state::annotation) return found;
      whole = (*word & layout::one_version) == 0 && memory_.get<std::uint64_t>(next) == word;
    }
    if (whole) {
      found.emplace_back(text_of(bytes + offsetof(annotation_record, key)),
                         text_of(bytes + offsetof(annotation_record, value)));
    }
    next = field<std::uint64_t>(bytes, offsetof(annotation_record, next));
  }
  return found;
}

/// Calls `visit` with the bytes of each thread_slot.
template <class Visit>
void registry_reader::each_slot(const Visit& visit) const {
  std::vector<unsigned char> slots;
  for (const auto registry : registries_) {
    const auto used = memory_.get<std::uint64_t>(registry + offsetof(layout::registry, threads)).value_or(0);
    slots.resize(std::min<std::uint64_t>(used, layout::max_threads) * sizeof(layout::thread_slot));
    const auto got = memory_.read(registry + offsetof(layout::registry, slots), slots.data(), slots.size());
    for (std::size_t at = 0; at + sizeof(layout::thread_slot) <= got; at += sizeof(layout::thread_slot))
      visit(slots.data() + at);
  }
}

std::vector<target_thread> registry_reader::threads() const {
  std::vector<target_thread> found;
  each_slot([&](const unsigned char* bytes) {
    const auto tid = field<std::uint32_t>(bytes, offsetof(layout::thread_slot, tid));
    const bool worker = field<std::uint32_t>(bytes, offsetof(layout::thread_slot, worker)) == 1;
    if (tid != 0) found.push_back({tid, worker});
  });
  // A thread has a slot in each registry that it uses.
  std::sort(found.begin(), found.end(), [](const target_thread& a, const target_thread& b) {
    return a.tid != b.tid ? a.tid < b.tid : a.worker && !b.worker;
  });
  found.erase(std::unique(found.begin(), found.end(),
                          [](const target_thread& a, const target_thread& b) { return a.tid == b.tid; }),
              found.end());
  return found;
}

std::uint64_t registry_reader::lost() const {
  std::uint64_t lost = 0;
  for (const auto registry : registries_)
    lost += memory_.get<std::uint64_t>(registry + offsetof(layout::registry, lost)).value_or(0);
  return lost;
}

std::uint64_t registry_reader::records_used() const {
  std::uint64_t used = 0;
  for (const auto registry : registries_)
    used += memory_.get<std::uint64_t>(registry + offsetof(layout::registry, used)).value_or(0);
  return used;
}

registry_reader::ends registry_reader::count_ends() const {
  ends counts;
  each_slot([&](const unsigned char* bytes) {
    counts.ended += field<std::uint64_t>(bytes, offsetof(layout::thread_slot, ended));
    counts.failed += field<std::uint64_t>(bytes, offsetof(layout::thread_slot, failed));
    counts.cancelled += field<std::uint64_t>(bytes, offsetof(layout::thread_slot, cancelled));
  });
  return counts;
}

std::vector<detail::failure_copy> registry_reader::failures() const {
  std::vector<detail::failure_copy> found;
  for (const auto registry : registries_) {
    for (std::size_t i = 0; i < layout::recent_failures; ++i) {
      const auto at = registry + offsetof(layout::registry, recent) + i * sizeof(layout::failure_record);
      const auto words = memory_.get<detail::failure_words>(at);
      if (words) detail::add_failure(*words, memory_.get<std::uint64_t>(at).value_or(0), found);
    }
  }
  detail::sort_failures(found);
  return found;
}

std::uint64_t registry_reader::newest_tick() {
  auto newest = root_tick_;
  walk({}, 0, [&](const target_task& task) {
    if (detail::state_of(task.word) != detail::task_state::ready) newest = std::max(newest, task.since);
  });
  return newest;
}

}  // namespace tasks::cli

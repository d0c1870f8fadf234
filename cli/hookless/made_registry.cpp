#include "hookless/made_registry.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

namespace tasks::cli {
namespace {

using layout::record_state;

constexpr std::uint64_t registry_at = page_size;
constexpr std::uint64_t places_at = std::uint64_t{16} << 20;
constexpr std::uint64_t slabs_at = std::uint64_t{1} << 30;
constexpr std::uint64_t slab_size = layout::slab_records * layout::record_size;
constexpr std::uint64_t most_slabs = (registry_maker::room - slabs_at) / slab_size;
static_assert(registry_at + sizeof(layout::registry) < places_at && sizeof(layout::root) < registry_at);

template <class T>
void put(unsigned char* to, std::size_t offset, T value) {
  std::memcpy(to + offset, &value, sizeof value);
}

void put_entry(unsigned char* entries, std::size_t i, const made_task& of, std::size_t frame) {
  put(entries, i * sizeof(layout::entry) + offsetof(layout::entry, where), of.where[frame]);
  put(entries, i * sizeof(layout::entry) + offsetof(layout::entry, frame), of.frames[frame]);
}

std::uint64_t in_pages(std::uint64_t size) { return (size + page_size - 1) / page_size * page_size; }

}  // namespace

std::uint64_t registry_maker::find_base(const std::vector<memory_region>& regions) {
  // Where neither executables nor libraries nor heaps are, unless somebody wants them there.
  constexpr std::uint64_t lowest = std::uint64_t{1} << 45, end = std::uint64_t{1} << 47;
  auto at = lowest;
  for (const auto& region : regions) {
    if (region.end <= at) continue;
    if (region.begin >= at && region.begin - at >= room) break;
    at = in_pages(region.end);
  }
  return at <= end - room ? at : 0;
}

registry_maker::registry_maker(std::uint64_t base, pid_t pid, std::uint64_t start_time) : base_(base) {
  root_.address = base;
  root_.layout = layout::version;
  root_.pid = pid;
  root_.start_time = start_time;
  root_.records = base + registry_at;
  root_.has_headers = false;
  // Asio's own list of channels: {states, capacity, waiters {front, back}, next, previous}.
  root_.channel_next = 32;
  root_.channel_prev = 40;
}

std::uint64_t registry_maker::text(const std::string& words) {
  const auto [known, is_new] = known_texts_.try_emplace(words, base_ + places_at + places_.size());
  if (is_new) places_.insert(places_.end(), words.c_str(), words.c_str() + words.size() + 1);
  return known->second;
}

std::uint64_t registry_maker::place(std::uint64_t key, const std::string& function, const std::string& file,
                                    unsigned line) {
  const auto known = known_places_.find(key);
  if (known != known_places_.end()) return known->second;
  // libstdc++'s std::source_location::__impl, see layout::entry.
  const struct {
    std::uint64_t file, function;
    std::uint32_t line, column;
  } made = {text(file), text(function), line, 0};
  places_.resize((places_.size() + alignof(std::uint64_t) - 1) / alignof(std::uint64_t) * alignof(std::uint64_t));
  const auto at = places_.size();
  if (at + sizeof made > slabs_at - places_at) return 0;
  places_.resize(at + sizeof made);
  std::memcpy(places_.data() + at, &made, sizeof made);
  return known_places_[key] = base_ + places_at + at;
}

unsigned char* registry_maker::take_record(std::uint64_t& address) {
  const auto within = records_ % layout::slab_records;
  if (within == 0) {
    if (slabs_.size() == most_slabs) return nullptr;
    own_memory slab(slab_size, false);
    if (slab.bytes() == nullptr) return nullptr;
    slabs_.push_back(std::move(slab));
  }
  address = base_ + slabs_at + records_++ * layout::record_size;
  return slabs_.back().bytes() + within * layout::record_size;
}

/// Of several waits at once. 0: there is no room.
std::uint64_t registry_maker::add_group(const made_task& task, std::uint64_t owner) {
  using layout::group_record;
  std::uint64_t address = 0;
  auto* record = take_record(address);
  if (record == nullptr) return 0;
  put(record, offsetof(group_record, word), layout::state_bits_of(record_state::group));
  put(record, offsetof(group_record, owner), owner);
  put(record, offsetof(group_record, owner_id), task.id);
  put(record, offsetof(group_record, members), std::uint64_t{task.waits.size()});
  for (std::size_t i = 0; i < std::min(task.waits.size(), group_record::room); ++i) {
    auto* member = record + offsetof(group_record, waits) + i * sizeof(group_record::member);
    put(member, offsetof(group_record::member, wait), task.waits[i].wait);
    put(member, offsetof(group_record::member, object), task.waits[i].object);
    put(member, offsetof(group_record::member, detail), task.waits[i].detail);
  }
  return address;
}

bool registry_maker::add_stack(const made_task& task, unsigned char* record, std::uint64_t owner) {
  using layout::overflow_record;
  const auto depth = task.frames.size();
  for (std::size_t i = 0; i < std::min(depth, layout::inline_entries); ++i)
    put_entry(record + offsetof(layout::record, stack), i, task, i);
  auto* before = record + offsetof(layout::record, overflow);
  for (auto i = layout::inline_entries; i < depth; i += layout::overflow_entries) {
    std::uint64_t address = 0;
    auto* more = take_record(address);
    if (more == nullptr) return false;
    put(before, 0, address);
    before = more + offsetof(overflow_record, next);
    put(more, offsetof(overflow_record, word), layout::state_bits_of(record_state::overflow));
    put(more, offsetof(overflow_record, owner), owner);
    put(more, offsetof(overflow_record, owner_id), task.id);
    for (std::size_t k = 0; k < std::min(depth - i, layout::overflow_entries); ++k)
      put_entry(more + offsetof(overflow_record, stack), k, task, i + k);
  }
  return true;
}

void registry_maker::add(const made_task& task) {
  using layout::record;
  std::uint64_t address = 0;
  auto* to = take_record(address);
  if (to == nullptr || !add_stack(task, to, address)) {
    ++lost_;
    return;
  }
  put(to, offsetof(record, owner), address);
  put(to, offsetof(record, since), task.since_ms);
  put(to, offsetof(record, running_since), ~std::uint64_t{0});
  put(to, offsetof(record, thread), task.thread);
  put(to, offsetof(record, flags), std::uint32_t{task.parent != 0 ? layout::awaited : 0U});
  put(to, offsetof(record, id), task.id);
  put(to, offsetof(record, parent), task.parent);
  made_wait wait = task.waits.empty() ? made_wait{} : task.waits.front();
  if (task.waits.size() > 1) {
    const auto group = add_group(task, address);
    const auto kind = layout::pack_wait(layout::wait_kind::group, layout::detail_kind::none, layout::no_descriptor);
    if (group != 0) wait = {kind, group, 0};
  }
  put(to, offsetof(record, wait), wait.wait);
  put(to, offsetof(record, object), wait.object);
  put(to, offsetof(record, detail), wait.detail);
  const auto depth = std::min<std::uint64_t>(task.frames.size(), layout::max_depth);
  put(to, offsetof(record, word), task.version * layout::one_version | layout::state_bits_of(task.state) | depth);
}

void registry_maker::add_worker(std::uint32_t tid) {
  if (workers_.size() < layout::max_threads) workers_.push_back(tid);
}

std::vector<registry_maker::piece> registry_maker::finish() {
  using layout::registry;
  using layout::root;
  std::vector<piece> pieces;
  const auto add = [&](std::uint64_t at, std::uint64_t size) {
    return pieces.emplace_back(piece{base_ + at, own_memory(in_pages(size), false)}).bytes.bytes();
  };
  if (auto* to = add(0, sizeof(root))) {
    put(to, offsetof(root, magic), layout::root_magic);
    put(to, offsetof(root, layout), layout::version);
    put(to, offsetof(root, size), std::uint32_t{sizeof(root)});
    put(to, offsetof(root, record_bytes), std::uint32_t{layout::record_size});
    put(to, offsetof(root, pid), static_cast<std::uint32_t>(root_.pid));
    put(to, offsetof(root, start_time), root_.start_time);
    put(to, offsetof(root, records), root_.records);
    put(to, offsetof(root, channel_next), root_.channel_next);
    put(to, offsetof(root, channel_prev), root_.channel_prev);
  }
  if (auto* to = add(registry_at, sizeof(registry))) {
    put(to, offsetof(registry, used), records_);
    put(to, offsetof(registry, lost), lost_);
    put(to, offsetof(registry, threads), std::uint64_t{workers_.size()});
    for (std::size_t i = 0; i < slabs_.size(); ++i)
      put(to, offsetof(registry, slabs) + i * sizeof(std::uint64_t), base_ + slabs_at + i * slab_size);
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      auto* slot = to + offsetof(registry, slots) + i * sizeof(layout::thread_slot);
      put(slot, offsetof(layout::thread_slot, tid), workers_[i]);
      put(slot, offsetof(layout::thread_slot, worker), std::uint32_t{1});
    }
  }
  if (!places_.empty())
    if (auto* to = add(places_at, places_.size())) std::memcpy(to, places_.data(), places_.size());
  for (std::size_t i = 0; i < slabs_.size(); ++i)
    pieces.push_back({base_ + slabs_at + i * slab_size, std::move(slabs_[i])});
  return pieces;
}

}  // namespace tasks::cli

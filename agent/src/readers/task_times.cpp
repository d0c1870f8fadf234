#include "readers/task_times.hpp"

#include <algorithm>
#include <numeric>

#include "registry/timing.hpp"

namespace tasks::detail {
namespace {

constexpr int times_attempts = 256;
constexpr int most_links = 128;

std::uint64_t read(const layout::word_t& field) noexcept { return field.load(std::memory_order_acquire); }

durations_copy copy_of(const layout::durations& from) noexcept {
  durations_copy copy{
      .count = read(from.count), .total = read(from.total), .longest = read(from.longest), .buckets = {}};
  for (std::size_t i = 0; i < copy.buckets.size(); ++i)
    copy.buckets[i] = from.buckets[i].load(std::memory_order_acquire);
  return copy;
}

/// Of a copy that may have been made while a writer was between two words: one run may be missing in a part of them.
void make_whole(durations_copy& of) noexcept {
  of.count = std::accumulate(of.buckets.begin(), of.buckets.end(), std::uint64_t{0});
  of.total = std::max(of.total, of.longest);
}

durations_copy whole_copy_of(const layout::durations& from) noexcept {
  auto copy = copy_of(from);
  make_whole(copy);
  return copy;
}

/// The task's. Null: it has none, or has ended.
const layout::timing_record* find_times(const task_copy& task, slab_map& slabs) noexcept {
  auto next = task.annotations;
  for (int i = 0; i < most_links && next != 0 && slabs.holds(next); ++i) {
    const auto& at = slab_map::as<layout::timing_record>(next);
    if (read(at.owner_id) != task.id) return nullptr;
    if (layout::state_of(read(at.word)) == layout::record_state::timing) return &at;
    next = read(at.next);
  }
  return nullptr;
}

}  // namespace

void durations_copy::add(const durations_copy& more) noexcept {
  count += more.count;
  total += more.total;
  longest = std::max(longest, more.longest);
  for (std::size_t i = 0; i < buckets.size(); ++i) buckets[i] += more.buckets[i];
}

void task_times::add(const task_times& more) noexcept {
  runs.add(more.runs);
  delays.add(more.delays);
  running += more.running;
}

/// `resumed` 0: it has run since before timing began.
std::uint64_t times_reader::running_for(const task_copy& task, std::uint64_t resumed) const noexcept {
  const auto now = read_stamp(*area_);
  const auto base = read(area_->base_stamp);
  const auto timed_for = stamp_ns(*area_, now > base ? now - base : 0);
  if (resumed != 0) return now > resumed ? std::min(stamp_ns(*area_, now - resumed), timed_for) : 0;
  return std::min(age_of(task, monotonic_ms()) * 1'000'000, timed_for);
}

task_times times_reader::of(const task_copy& task, slab_map& slabs) const noexcept {
  task_times times;
  if (area_ == nullptr) return times;
  const bool runs = state_of(task.word) == task_state::running;
  std::uint64_t resumed = 0, waiting = 0;
  if (const auto* from = find_times(task, slabs)) {
    bool whole = false;
    for (int i = 0; i < times_attempts && !whole; ++i) {
      const auto word = read(from->word);
      const bool current = read(from->generation) == read(area_->generation);
      times.runs = current ? copy_of(from->runs) : durations_copy();
      times.delays = current ? copy_of(from->delays) : durations_copy();
      resumed = current ? read(from->resumed) : 0;
      waiting = current ? read(from->waiting) : 0;
      if (read(from->owner_id) != task.id) return {};
      whole = (word & layout::one_version) == 0 && read(from->word) == word;
    }
    if (!whole) {
      make_whole(times.runs);
      make_whole(times.delays);
    }
  }
  // One that has begun to wait since it was copied runs no more.
  if (runs && waiting == 0) times.running = running_for(task, resumed);
  return times;
}

std::vector<ended_times> times_reader::of_ended() const {
  std::vector<ended_times> all;
  if (area_ == nullptr) return all;
  for (const auto& from : area_->ended[read(area_->generation) % 2]) {
    if (read(from.tasks) == 0) continue;
    all.push_back({.where = read(from.where),
                   .spawn_path = read(from.spawn_path),
                   .tasks = read(from.tasks),
                   .times = {.runs = whole_copy_of(from.runs), .delays = whole_copy_of(from.delays)}});
  }
  return all;
}

}  // namespace tasks::detail

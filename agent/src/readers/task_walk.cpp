#include "readers/task_walk.hpp"

#include <algorithm>
#include <utility>

namespace tasks::detail {
namespace {

constexpr std::size_t records_between_pauses = 16384;

}  // namespace

task_walk::task_walk(task_filter filter, order how, text_filter texts)
    : filter_(std::move(filter)), texts_(std::move(texts)) {
  if (how == order::oldest_first) sort_tasks();
}

void task_walk::sort_tasks() {
  while (const auto* at = next_record()) {
    if (!layout::is_task(at->word.load(std::memory_order_acquire))) continue;
    if (sorted_.size() == most_sorted) {
      sorted_ = {};
      registry_ = index_ = end_ = 0;
      return;
    }
    sorted_.push_back({at->id.load(std::memory_order_acquire), at});
  }
  std::sort(sorted_.begin(), sorted_.end(), [](const candidate& a, const candidate& b) { return a.id < b.id; });
  is_sorted_ = true;
}

const layout::record* task_walk::next_record() noexcept {
  const auto registries = slabs_.registries();
  while (registry_ < registries.size()) {
    const auto& home = *registries[registry_];
    if (index_ == 0)
      end_ =
          std::min<std::uint64_t>(home.used.load(std::memory_order_acquire), layout::max_slabs * layout::slab_records);
    while (index_ < end_) {
      const auto* slab = home.slabs[index_ / layout::slab_records].load(std::memory_order_acquire);
      const auto in_slab = index_ % layout::slab_records;
      if (slab != nullptr) {
        ++index_;
        return slab + in_slab;
      }
      index_ += layout::slab_records - in_slab;
    }
    ++registry_;
    index_ = 0;
  }
  return nullptr;
}

/// Copies and counts the task of a record. False: there is none, or another than `id` (0: any), or it does not pass.
bool task_walk::take(const layout::record& at, std::uint64_t id) {
  switch (copy_task(at, slabs_, task_)) {
    case copied::not_a_task:
      return false;
    case copied::torn:
      counts_.add_torn();
      return false;
    case copied::whole:
      break;
  }
  if (id != 0 && task_.id != id) return false;
  counts_.add(task_);
  if (!filter_.passes(task_, now_) || !texts_.passes(task_, slabs_, copied_texts_)) return false;
  ++counts_.matched;
  return true;
}

void task_walk::forget() noexcept {
  task_.object = task_.detail = 0;
  task_.group = {};
}

task_walk::step task_walk::next() {
  for (;;) {
    if (++since_pause_ >= records_between_pauses) {
      since_pause_ = 0;
      now_ = monotonic_ms();
      forget();
      return step::pause;
    }
    if (is_sorted_) {
      if (position_ == sorted_.size()) break;
      const auto& c = sorted_[position_++];
      // Its record may be another task's by now: one that began after this walk did.
      if (take(*c.at, c.id)) return step::task;
    } else {
      const auto* at = next_record();
      if (at == nullptr) break;
      if (take(*at, 0)) return step::task;
    }
  }
  forget();
  return step::end;
}

}  // namespace tasks::detail

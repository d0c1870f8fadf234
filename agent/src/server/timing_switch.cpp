#include "server/timing_switch.hpp"

#include <sys/mman.h>

#include <algorithm>

#include "registry/process_roots.hpp"
#include "task_copy.hpp"

namespace tasks::detail {
namespace {

/// Of this process; kept by one agent for the next.
constinit layout::timing_area* mapped_area = nullptr;

layout::timing_area* map_area() noexcept {
  if (mapped_area != nullptr) return mapped_area;
  void* p = mmap(nullptr, sizeof(layout::timing_area), PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p != MAP_FAILED) mapped_area = static_cast<layout::timing_area*>(p);
  return mapped_area;
}

void clear_entries(layout::ended_timing (&table)[layout::timing_area::ended_entries]) noexcept {
  for (auto& each : table) {
    if (load(each.key) == 0) continue;  // its page may never have been touched
    store(each.key, 0);
    store(each.where, 0);
    store(each.tasks, 0);
    for (auto* of : {&each.runs, &each.delays}) {
      store(of->count, 0);
      store(of->total, 0);
      store(of->longest, 0);
      for (auto& bucket : of->buckets) bucket.store(0, std::memory_order_release);
    }
  }
}

/// Has each thread's next task take new ids, and thereby note when it began.
void end_ids() noexcept {
  for (auto* home : known_registries()) {
    const auto count = std::min<std::uint64_t>(home->threads.load(std::memory_order_acquire), layout::max_threads);
    for (std::uint64_t i = 0; i < count; ++i) home->slots[i].id_end.store(0, std::memory_order_seq_cst);
  }
}

}  // namespace

timing_switch::moment timing_switch::now() noexcept {
  // Who loses the CPU between the two clocks has read two moments: of some tries the narrowest.
  constexpr int tries = 16;
  moment best{};
  std::uint64_t narrowest = UINT64_MAX;
  for (int i = 0; i < tries; ++i) {
    const auto before = read_counter();
    const auto ns = monotonic_ns();
    const auto width = read_counter() - before;
    if (width >= narrowest) continue;
    narrowest = width;
    best = {before + width / 2, ns};
  }
  return best;
}

bool timing_switch::is_calibrated() const noexcept { return !has_counter_ || now().ns - first_.ns >= calibration_ns; }

bool timing_switch::turn_on() noexcept {
  if (on_) return true;
  area_ = map_area();
  if (area_ == nullptr) return false;
  const auto generation = load(area_->generation) + 1;
  // Of the generation before the last: no thread is still about to add to it.
  clear_entries(area_->ended[generation % 2]);
  const auto begin = now();
  const auto counted = begin.counter - first_.counter;
  const bool counter = has_counter_ && counted != 0;
  store(area_->scale, counter ? static_cast<std::uint64_t>(static_cast<double>(begin.ns - first_.ns) /
                                                           static_cast<double>(counted) * 4294967296.0)
                              : std::uint64_t{1} << 32);
  store(area_->is_counter, counter ? 1 : 0);
  store(area_->base, begin.ns);
  store(area_->base_stamp, counter ? begin.counter : begin.ns);
  store(area_->began, begin.ns);
  store(area_->left_out, 0);
  store(area_->ended_left_out, 0);
  store(area_->tick, begin.ns / 1'000'000);
  store(area_->generation, generation);
  on_ = true;
  store_timing(area_);
  end_ids();
  return true;
}

void timing_switch::turn_off() noexcept {
  if (!on_) return;
  on_ = false;
  store_timing(nullptr);
}

void timing_switch::advance(std::uint64_t tick) noexcept {
  if (!on_) return;
  store(area_->tick, tick);
  store_timing(area_);  // objects that were loaded meanwhile
}

std::uint64_t timing_switch::on_for() const noexcept { return on_ ? now().ns - load(area_->began) : 0; }

}  // namespace tasks::detail

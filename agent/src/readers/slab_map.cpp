#include "readers/slab_map.hpp"

#include <algorithm>
#include <bit>

#include "registry/process_roots.hpp"

namespace tasks::detail {

slab_map::slab_map() : registries_(known_registries()) {}

bool slab_map::holds(std::uint64_t address) {
  if (address % layout::record_size != 0) return false;
  if (find(address)) return true;
  refresh();
  return find(address);
}

void slab_map::refresh() {
  std::uint64_t used = 0;
  for (const auto* home : registries_) used += home->used.load(std::memory_order_acquire);
  if (used == used_) return;
  used_ = used;
  slabs_.clear();
  for (const auto* home : registries_) {
    const auto end = home->used.load(std::memory_order_acquire);
    for (std::uint64_t first = 0; first < end && first / layout::slab_records < layout::max_slabs;
         first += layout::slab_records)
      if (const auto* base = home->slabs[first / layout::slab_records].load(std::memory_order_acquire))
        slabs_.push_back({std::bit_cast<std::uint64_t>(base), home, first});
  }
  std::sort(slabs_.begin(), slabs_.end(), [](const slab& a, const slab& b) { return a.base < b.base; });
}

bool slab_map::find(std::uint64_t address) const noexcept {
  auto above = std::upper_bound(slabs_.begin(), slabs_.end(), address,
                                [](std::uint64_t a, const slab& s) { return a < s.base; });
  if (above == slabs_.begin()) return false;
  const auto& s = *--above;
  const auto index = (address - s.base) / layout::record_size;
  return index < layout::slab_records && s.first + index < s.home->used.load(std::memory_order_acquire);
}

}  // namespace tasks::detail

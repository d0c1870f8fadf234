#include "picture/heap_facts.hpp"

#include <algorithm>
#include <tuple>

namespace tasks::cli {
namespace {

/// A heap of an arena's.
struct arena_heap : range {
  std::size_t arena;
};

std::vector<arena_heap> heaps_of(const glibc_heaps& found) {
  std::vector<arena_heap> heaps;
  for (std::size_t i = 0; i < found.walked.size(); ++i)
    for (const auto& each : found.walked[i].heaps) heaps.push_back({each, i});
  std::sort(heaps.begin(), heaps.end(), [](const range& a, const range& b) { return a.begin < b.begin; });
  return heaps;
}

enum class kept_by : std::uint8_t { nobody, fast_bins, cache, asio };

}  // namespace

heap_facts measure_heap(const heap_map& heap, const glibc_heaps& found, const std::vector<heap_map::object>& recycled,
                        std::size_t most_holes) {
  heap_facts facts;
  facts.refused = found.refused;
  for (const auto& each : found.walked) {
    auto& arena = facts.arenas.emplace_back();
    arena.address = each.address;
    arena.is_main = each.is_main;
    for (const auto& its : each.heaps) arena.bytes += its.end - its.begin;
  }
  std::vector<kept_by> kept(heap.size(), kept_by::nobody);
  for (const auto o : found.fast) kept[o] = kept_by::fast_bins;
  for (const auto o : found.cached) kept[o] = kept_by::cache;
  for (const auto o : recycled) kept[o] = kept_by::asio;
  const auto heaps = heaps_of(found);
  auto its = heaps.begin();
  heap.each([&](heap_map::object o, range chunk) {
    const auto bytes = chunk.end - chunk.begin;
    // Segments come by address.
    while (its != heaps.end() && its->end <= chunk.begin) ++its;
    if (kept[o] == kept_by::asio) facts.recycled.add(bytes);
    if (its == heaps.end() || !its->contains(chunk.begin)) {
      facts.mapped.add(bytes);
      return;
    }
    auto& arena = facts.arenas[its->arena];
    if (!heap.is_free(o) || kept[o] == kept_by::asio) {
      ++arena.allocations;
      return;
    }
    arena.free.add(bytes);
    if (chunk.begin == found.walked[its->arena].top) {
      arena.top_bytes = bytes;
    } else if (kept[o] != kept_by::nobody) {
      (kept[o] == kept_by::cache ? arena.cached : arena.fast).add(bytes);
    } else {
      arena.holes.add(bytes);
      arena.largest.push_back({chunk.begin, bytes});
    }
  });
  for (auto& arena : facts.arenas) {
    const auto named = arena.largest.begin() + static_cast<std::ptrdiff_t>(std::min(most_holes, arena.largest.size()));
    std::partial_sort(arena.largest.begin(), named, arena.largest.end(), [](const heap_hole& a, const heap_hole& b) {
      return std::tuple(b.bytes, a.address) < std::tuple(a.bytes, b.address);
    });
    arena.largest.erase(named, arena.largest.end());
  }
  std::sort(facts.arenas.begin(), facts.arenas.end(), [](const arena_facts& a, const arena_facts& b) {
    return std::tuple(!a.is_main, b.bytes, a.address) < std::tuple(!b.is_main, a.bytes, b.address);
  });
  return facts;
}

std::uint64_t heap_facts::bytes() const noexcept {
  auto sum = mapped.bytes;
  for (const auto& each : arenas) sum += each.bytes;
  return sum;
}

std::uint64_t heap_facts::in_use() const noexcept {
  auto sum = mapped.bytes;
  for (const auto& each : arenas) sum += each.in_use();
  return sum;
}

std::uint64_t heap_facts::free() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& each : arenas) sum += each.free.bytes;
  return sum;
}

std::uint64_t heap_facts::allocations() const noexcept {
  auto sum = mapped.count;
  for (const auto& each : arenas) sum += each.allocations;
  return sum;
}

}  // namespace tasks::cli

// Which allocation an address belongs to.

#include "picture/heap_map.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <vector>

namespace tasks::cli {
namespace {

constexpr std::uint64_t unit = 16;

struct chunks {
  std::uint64_t begin;
  std::vector<std::uint64_t> sizes;
};

/// Adds a segment; the first objects of the chunks' memory.
range add(heap_map& heap, const chunks& of) {
  std::vector<std::uint32_t> starts;
  std::uint64_t end = of.begin;
  for (const auto size : of.sizes) {
    starts.push_back(static_cast<std::uint32_t>((end - of.begin) / unit));
    end += size;
  }
  const std::vector<bool> free(starts.size());
  heap.add_segment({of.begin, end}, std::move(starts), free);
  return {of.begin, end};
}

/// Each address from a chunk's memory to the next chunk's is the chunk's.
void expect_each_in_its_own(const heap_map& heap, const chunks& of, heap_map::object first) {
  auto begin = of.begin;
  for (std::size_t i = 0; i < of.sizes.size(); ++i) {
    const auto o = first + static_cast<heap_map::object>(i);
    const auto end = begin + of.sizes[i];
    const bool last = i + 1 == of.sizes.size();
    for (const auto address : {begin + heap_map::header, begin + heap_map::header + 1, begin + of.sizes[i] / 2 + 8,
                               end - 1, end, end + heap_map::header - 1})
      EXPECT_EQ(heap.find(address), o) << std::hex << address << " of " << begin;
    EXPECT_EQ(heap.extent(o), (range{begin + heap_map::header, last ? end : end + 8}));
    EXPECT_EQ(heap.at_header(begin), o);
    EXPECT_EQ(heap.at_header(begin + unit), heap_map::none);
    begin = end;
  }
}

TEST(HeapMap, FindsTheAllocationOfEveryAddress) {
  std::mt19937 random(7);
  // A chunk is two units long at least; blocks of 1 KiB have many or none, pages begin in the middle of large ones.
  std::uniform_int_distribution<std::uint64_t> small(2, 20), large(60, 1000);
  chunks mixed{0x5555'0000'1000, {}};
  for (int i = 0; i < 2000; ++i) mixed.sizes.push_back(unit * (i % 7 == 0 ? large(random) : small(random)));
  const chunks smallest{0x7000'0000'0000, std::vector<std::uint64_t>(500, 2 * unit)};
  const chunks one{0x7fff'0000'0000, {8192}};
  heap_map heap;
  // Not in the order of addresses.
  const auto second = add(heap, smallest);
  const auto first = add(heap, mixed);
  const auto third = add(heap, one);
  ASSERT_TRUE(heap.seal());
  EXPECT_EQ(heap.segments(), (std::vector<range>{first, second, third}));
  expect_each_in_its_own(heap, smallest, 0);
  expect_each_in_its_own(heap, mixed, 500);
  expect_each_in_its_own(heap, one, 2500);
  for (const auto& each : {first, second, third}) {
    EXPECT_EQ(heap.find(each.begin), heap_map::none);
    EXPECT_EQ(heap.find(each.begin + heap_map::header - 1), heap_map::none);
    EXPECT_EQ(heap.find(each.end + heap_map::header), heap_map::none);
  }
}

}  // namespace
}  // namespace tasks::cli

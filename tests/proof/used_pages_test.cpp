// Which pages of this process are used, among more of its address space than could be asked page by page.

#include "picture/used_pages.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "picture/asan_shadow.hpp"

namespace tasks::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Nothing of it is in memory until it is written to.
class reserve {
 public:
  explicit reserve(std::uint64_t size, int rights = PROT_READ | PROT_WRITE)
      : size_(size),
        at_(static_cast<unsigned char*>(
            ::mmap(nullptr, size, rights, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))) {
    ::madvise(at_, size, MADV_NOHUGEPAGE);
  }
  ~reserve() { ::munmap(at_, size_); }
  reserve(const reserve&) = delete;
  reserve& operator=(const reserve&) = delete;

  void write(std::uint64_t page) { at_[page * page_size] = 1; }
  [[nodiscard]] std::uint64_t begin() const { return reinterpret_cast<std::uintptr_t>(at_); }
  [[nodiscard]] range pages(std::uint64_t first, std::uint64_t count) const {
    return {begin() + first * page_size, begin() + (first + count) * page_size};
  }
  [[nodiscard]] memory_region region() const {
    memory_region made;
    made.begin = begin();
    made.end = begin() + size_;
    made.readable = made.writable = true;
    return made;
  }

 private:
  std::uint64_t size_;
  unsigned char* at_;
};

constexpr std::uint64_t tib = std::uint64_t{1} << 40, gib = std::uint64_t{1} << 30;

TEST(UsedPages, AreFoundAmongTerabytes) {
  reserve memory(2 * tib);
  const auto last = 2 * tib / page_size - 1;
  for (const auto page : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1'000'000}, last}) memory.write(page);
  const used_pages used(::getpid());
  if (used.to_ask({memory.region()}) > gib) GTEST_SKIP() << "needs Linux 6.7";
  EXPECT_EQ(used.to_ask({memory.region()}), 4 * page_size);
  std::vector<range> found{memory.pages(0, 0)};
  EXPECT_TRUE(used(memory.region(), found));
  EXPECT_THAT(found,
              ElementsAre(memory.pages(0, 0), memory.pages(0, 2), memory.pages(1'000'000, 1), memory.pages(last, 1)));
}

/// More ranges than one answer of the kernel has.
TEST(UsedPages, AreAllFoundHoweverManyThereAre) {
  reserve memory(4 * gib);
  std::vector<range> expected;
  for (std::uint64_t page = 0; page < 2000; ++page) {
    memory.write(3 * page);
    expected.push_back(memory.pages(3 * page, 1));
  }
  for (const auto ask : {used_pages::ask::all, used_pages::ask::without_scan}) {
    std::vector<range> found;
    EXPECT_TRUE(used_pages(::getpid(), ask)(memory.region(), found));
    EXPECT_EQ(found, expected);
  }
}

TEST(UsedPages, OfWhatWasNeverTouchedAreNoneWithoutAScan) {
  // Mappings that are alike and neighbours are one.
  const reserve memory(2 * tib, PROT_NONE);
  const used_pages used(::getpid(), used_pages::ask::without_scan);
  std::vector<range> found;
  EXPECT_EQ(used.to_ask({memory.region()}), 0U);
  EXPECT_TRUE(used(memory.region(), found));
  EXPECT_THAT(found, IsEmpty());
}

TEST(UsedPages, ArePartlyAskedForEachPageWithoutAScan) {
  reserve memory(2 * gib);
  memory.write(77);
  const used_pages used(::getpid(), used_pages::ask::without_scan);
  EXPECT_EQ(used.to_ask({memory.region()}), 2 * gib);
  std::vector<range> found;
  EXPECT_TRUE(used(memory.region(), found));
  EXPECT_THAT(found, ElementsAre(memory.pages(77, 1)));
}

TEST(EmptyMappings, AreThoseOfWhichNothingIsInMemory) {
  const auto text =
      "10000-20000 rw-p 00000000 00:00 0 \n"
      "Size:                 64 kB\nRss:                   0 kB\nPrivate_Hugetlb:       0 kB\nSwap:         0 kB\n"
      "VmFlags: rd wr mr mw me nr sd\n"
      "20000-30000 rw-p 00000000 00:00 0 \nRss:                   4 kB\nSwap:                  0 kB\n"
      "30000-40000 rw-p 00000000 00:00 0 \nRss:                   0 kB\nSwap:                  4 kB\n"
      "40000-50000 rw-p 00000000 00:00 0 \nRss:                   0 kB\nPrivate_Hugetlb:    2048 kB\n"
      "50000-60000 ---p 00000000 00:00 0                          [anon: name]\nRss:                   0 kB\n";
  EXPECT_THAT(empty_mappings(text), ElementsAre(range{0x10000, 0x20000}, range{0x50000, 0x60000}));
  EXPECT_THAT(empty_mappings(""), IsEmpty());
  EXPECT_THAT(empty_mappings("10000-20000 rw-p 00000000 00:00 0\n"), IsEmpty());
}

/// AddressSanitizer's three mappings, in which every byte says what its memory's address says.
class shadowed_memory final : public memory {
 public:
  shadowed_memory() {
    for (const auto& place : {asan_shadow::low_shadow, asan_shadow::gap, asan_shadow::high_shadow}) {
      auto& region = regions_.emplace_back();
      region.begin = place.begin;
      region.end = place.end;
    }
  }
  std::size_t read(std::uint64_t address, void* to, std::size_t size) const override {
    for (std::size_t i = 0; i < size; ++i) {
      const auto within = asan_shadow::memory_of(address + i) % 64;
      static_cast<unsigned char*>(to)[i] = within == 0 ? 0xfd : within == 8 ? 0xfa : within == 56 ? 7 : 0;
    }
    return size;
  }
  [[nodiscard]] const std::vector<memory_region>& regions() const override { return regions_; }
  [[nodiscard]] bool is_still() const noexcept override { return true; }
  [[nodiscard]] int last_error() const noexcept override { return 0; }

 private:
  std::vector<memory_region> regions_;
};

TEST(AsanShadow, HasAByteForEachEightOfAllAddressesButItsOwn) {
  constexpr auto low = asan_shadow::low_shadow, gap = asan_shadow::gap, high = asan_shadow::high_shadow;
  EXPECT_EQ(asan_shadow::memory_of(asan_shadow::offset), 0u);
  EXPECT_EQ(asan_shadow::memory_of(low.end), asan_shadow::offset);
  EXPECT_EQ(low.end, gap.begin);
  EXPECT_EQ(gap.end, high.begin);
  EXPECT_EQ(asan_shadow::memory_of(high.begin), high.end);
}

TEST(AsanShadow, SaysWhatNobodyMayTouch) {
  const shadowed_memory memory;
  ASSERT_TRUE(has_asan_shadow(memory.regions()));
  EXPECT_FALSE(has_asan_shadow({memory.regions()[0], memory.regions()[1]}));
  EXPECT_FALSE(has_asan_shadow({}));
  constexpr std::uint64_t first = 0x602000000000, second = 0x7f1234567000;
  const asan_shadow shadow(memory, {{first, first + page_size}, {second, second + 2 * page_size}});
  for (const auto begin : {first, second, second + page_size}) {
    EXPECT_TRUE(shadow.is_poisoned(begin));
    EXPECT_TRUE(shadow.is_poisoned(begin + 15));
    EXPECT_FALSE(shadow.is_poisoned(begin + 16));
    EXPECT_FALSE(shadow.is_poisoned(begin + 63));
    EXPECT_TRUE(shadow.is_poisoned(begin + page_size - 64));
  }
  // Nothing is known of what was not copied.
  EXPECT_FALSE(shadow.is_poisoned(0x604000000000));
  EXPECT_FALSE(shadow.is_poisoned(first + (1 << 20)));
  EXPECT_FALSE(asan_shadow().is_poisoned(first));
}

}  // namespace
}  // namespace tasks::cli

// A copy of a memory, and what it gives back.

#include "picture/memory_image.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace tasks::cli {
namespace {

constexpr std::uint64_t begin = 0x10000, pages = 4;

/// One mapping, every byte of it 0xab.
class full_memory final : public memory {
 public:
  full_memory() {
    auto& region = regions_.emplace_back();
    region.begin = begin;
    region.end = begin + pages * page_size;
    region.readable = region.writable = true;
  }
  std::size_t read(std::uint64_t, void* to, std::size_t size) const override {
    std::memset(to, 0xab, size);
    return size;
  }
  [[nodiscard]] const std::vector<memory_region>& regions() const override { return regions_; }
  [[nodiscard]] bool is_still() const noexcept override { return true; }
  [[nodiscard]] int last_error() const noexcept override { return 0; }

 private:
  std::vector<memory_region> regions_;
};

std::vector<unsigned> first_bytes(const memory_image& image) {
  std::vector<unsigned> found;
  for (std::uint64_t i = 0; i < pages; ++i) found.push_back(image.get<unsigned char>(begin + i * page_size).value());
  return found;
}

TEST(MemoryImage, IsCopiedWithoutWhatIsZeros) {
  const auto some = [](const memory_region&, std::vector<range>& used) {
    used.assign({{begin, begin + page_size}, {begin + 2 * page_size, begin + 3 * page_size}});
    return true;
  };
  const memory_image first(full_memory(), some), second(first, nullptr);
  EXPECT_EQ(first.bytes(), 2 * page_size);
  EXPECT_EQ(second.bytes(), 2 * page_size);
  EXPECT_EQ(second.runs(), first.runs());
  EXPECT_THAT(first_bytes(second), ::testing::ElementsAre(0xab, 0, 0xab, 0));
}

TEST(MemoryImage, HasOfPrivateFilesWhatMayHaveBeenWrittenThere) {
  const auto none = [](const memory_region&, std::vector<range>&) { return true; };
  const memory_image without(full_memory(), none);
  EXPECT_EQ(without.bytes(), 0U);
  const memory_image with(full_memory(), none, {}, [](const memory_region&) { return 2 * page_size; });
  EXPECT_THAT(with.runs(), ::testing::ElementsAre(range{begin, begin + 2 * page_size}));
  EXPECT_TRUE(with.unreadable().empty());
}

TEST(MemoryImage, HasNothingOfWholePagesThatWereGivenBack) {
  for (const bool has_room : {false, true}) {
    memory_image image(full_memory(), nullptr, has_room ? own_memory(8 * page_size, true) : own_memory());
    EXPECT_THAT(first_bytes(image), ::testing::ElementsAre(0xab, 0xab, 0xab, 0xab));
    image.forget({begin + page_size - 1, begin + 3 * page_size + 1});
    EXPECT_THAT(first_bytes(image), ::testing::ElementsAre(0xab, 0, 0, 0xab));
    image.forget({begin - page_size, begin + page_size});
    image.forget({begin + 10 * page_size, begin + 11 * page_size});
    image.forget({begin + 3 * page_size + 1, begin + 9 * page_size});
    EXPECT_THAT(first_bytes(image), ::testing::ElementsAre(0xab, 0, 0, 0xab));
  }
}

}  // namespace
}  // namespace tasks::cli

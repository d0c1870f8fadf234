// Frames in a memory: which words are one that is alive.

#include "hookless/frame_scan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "forged_frames.hpp"

namespace tasks::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr auto place = forged_frames::place;

std::vector<std::uint64_t> places(const frame_scan& scan) {
  std::vector<std::uint64_t> found;
  for (const auto& each : scan.frames()) found.push_back(each.at);
  return found;
}

TEST(FrameScan, FindsABodyWithWhatDestroysItsFrames) {
  forged_frames memory;
  memory.put(memory.awaitable, 3);
  memory.put(memory.other, 1);
  memory.put(memory.awaitable, 5);
  memory.put_word(place(5) + 8, memory.entry_point.destroyers.at(0));
  memory.put(memory.awaitable, 7);
  memory.put_word(place(7), memory.awaitable.code.begin + 1);
  const auto& scan = memory.scan();
  EXPECT_THAT(places(scan), ElementsAre(place(1), place(3)));
  EXPECT_EQ(scan.frames()[1].body, &memory.awaitable);
  EXPECT_EQ(scan.frames()[1].index, memory.later_index);
}

TEST(FrameScan, FindsThoseAtTheVeryEndOfTheMemory) {
  forged_frames memory(1);
  memory.put(memory.other, 0);
  // Nothing but its first words is there.
  memory.put_word(place(16) - 16, memory.awaitable.code.begin);
  memory.put_word(place(16) - 8, memory.awaitable.destroyers.at(0));
  EXPECT_THAT(places(memory.scan()), ElementsAre(place(0)));
}

TEST(FrameScan, KnowsAnAwaitableAndAnEntryPointByTheirPromises) {
  forged_frames memory;
  const auto& awaitable = memory.layout_of(memory.awaitable);
  EXPECT_TRUE(awaitable.is_known && awaitable.is_asio && !awaitable.is_entry);
  EXPECT_GT(awaitable.index_size, 0U);
  const auto& entry = memory.layout_of(memory.entry_point);
  EXPECT_TRUE(entry.is_known && entry.is_asio && entry.is_entry);
  EXPECT_EQ(entry.caller, entry.promise + 16);
  EXPECT_EQ(entry.top_of_stack, entry.promise + 40);
  const auto& other = memory.layout_of(memory.other);
  EXPECT_TRUE(other.is_known && !other.is_asio && !other.is_entry);
  EXPECT_EQ(other.promise_size, 8U);
}

// clang marks none: its index may be odd.
TEST(FrameScan, HasNoneThatGnuMarkedAsDestroyed) {
  forged_frames memory;
  memory.put(memory.awaitable, 1);
  memory.put_index(memory.awaitable, 1, memory.later_index | 1);
  const auto& scan = memory.scan();
  const bool is_gnu = memory.awaitable.is_gnu;
  EXPECT_EQ(scan.frames().size(), is_gnu ? 0U : 1U);
  EXPECT_EQ(scan.others().destroyed, is_gnu ? 1U : 0U);
}

TEST(FrameScan, HasNoCopies) {
  forged_frames memory;
  memory.put(memory.awaitable, 1);
  memory.put_word(place(1) + memory.layout_of(memory.awaitable).coro, place(9));
  const auto& scan = memory.scan();
  EXPECT_THAT(scan.frames(), IsEmpty());
  EXPECT_EQ(scan.others().copies, 1U);
}

TEST(FrameScan, HasNoneInWhatWasFreed) {
  forged_frames memory;
  memory.put(memory.awaitable, 2);
  memory.put(memory.awaitable, 3);
  memory.put(memory.awaitable, 4);
  memory.free(2, 4);
  const auto& scan = memory.scan();
  EXPECT_THAT(places(scan), ElementsAre(place(4)));
  EXPECT_EQ(scan.others().freed, 2U);
}

TEST(FrameScan, HasNoneBelowAStackPointer) {
  forged_frames memory;
  memory.put(memory.awaitable, 2);
  memory.put(memory.awaitable, 3);
  memory.kill(1, 3);
  const auto& scan = memory.scan();
  EXPECT_THAT(places(scan), ElementsAre(place(3)));
  EXPECT_EQ(scan.others().below_stack, 1U);
}

TEST(FrameScan, HasNoneThatAddressSanitizerCallsFreed) {
  forged_frames memory;
  for (const auto number : {1, 2, 3, 4}) memory.put(memory.awaitable, static_cast<std::uint64_t>(number));
  memory.poison(2, 4);
  const auto& scan = memory.scan();
  EXPECT_THAT(places(scan), ElementsAre(place(1), place(4)));
  EXPECT_EQ(scan.others().below_stack, 2U);
}

TEST(FrameScan, FindsAFrameByAnAddressInIt) {
  constexpr std::uint64_t page = page_size / forged_frames::frame_distance;
  forged_frames memory(64);
  memory.put(memory.awaitable, 0);
  memory.put(memory.awaitable, 1);
  memory.put(memory.awaitable, page * 2);
  const auto& scan = memory.scan();
  const auto size = memory.layout_of(memory.awaitable).size;
  ASSERT_GT(size, 0U);
  ASSERT_LT(size, forged_frames::frame_distance);
  EXPECT_EQ(scan.at(place(1)), 1U);
  EXPECT_EQ(scan.at(place(1) + 8), frame_scan::none);
  EXPECT_EQ(scan.at(place(page)), frame_scan::none);
  EXPECT_EQ(scan.before(place(1) - 1), 0U);
  EXPECT_EQ(scan.before(place(0) - 1), frame_scan::none);
  EXPECT_EQ(scan.before(place(page) + 100), 1U);
  EXPECT_EQ(scan.before(place(page * 2) + (64 << 10)), 2U);
  EXPECT_EQ(scan.before(place(page * 2) + (64 << 10) + page_size), frame_scan::none);
  EXPECT_EQ(scan.around(place(1) + size - 1), 1U);
  EXPECT_EQ(scan.around(place(1) + size), frame_scan::none);
  EXPECT_EQ(scan.of_promise(memory.promise(memory.awaitable, page * 2)), 2U);
  EXPECT_EQ(scan.of_promise(memory.promise(memory.awaitable, page * 2) + 8), frame_scan::none);
  for (const auto nowhere : {std::uint64_t{0}, std::uint64_t{8}, ~std::uint64_t{0}, ~std::uint64_t{7}}) {
    EXPECT_EQ(scan.at(nowhere), frame_scan::none);
    EXPECT_EQ(scan.before(nowhere), frame_scan::none);
    EXPECT_EQ(scan.around(nowhere), frame_scan::none);
    EXPECT_EQ(scan.of_promise(nowhere), frame_scan::none);
  }
}

TEST(FrameScan, HasNoPromiseOfAnotherLibrarys) {
  forged_frames memory;
  memory.put(memory.other, 1);
  const auto& scan = memory.scan();
  EXPECT_EQ(scan.of_promise(memory.promise(memory.other, 1)), frame_scan::none);
}

TEST(FrameScanWithoutDebugInformation, KnowsAnAwaitableByItsOwnAddress) {
  forged_frames memory;
  memory.put(memory.other, 1);
  // A copy of one, before any other of its body.
  memory.put(memory.awaitable, 2);
  memory.put_word(place(2) + memory.layout_of(memory.awaitable).coro, place(9));
  memory.put(memory.awaitable, 3, {.caller = 0x4711});
  memory.forget_layouts();
  const auto& scan = memory.scan();
  ASSERT_THAT(places(scan), ElementsAre(place(1), place(3)));
  EXPECT_FALSE(scan.frames()[0].layout->is_asio);
  EXPECT_TRUE(scan.frames()[1].layout->is_asio);
  EXPECT_EQ(scan.frames()[1].caller, 0x4711U);
  EXPECT_EQ(scan.others().copies, 1U);
}

TEST(FrameScanWithoutDebugInformation, FindsTheTopOfTheStackByWhatLeadsBackFromIt) {
  forged_frames memory;
  const auto top = memory.layout_of(memory.entry_point).top_of_stack;
  const auto entry = [&](std::uint64_t number) { return memory.promise(memory.entry_point, number); };
  const auto awaitable = [&](std::uint64_t number) { return memory.promise(memory.awaitable, number); };
  // The first one is torn: what leads back from it is a variable of its own.
  memory.put(memory.entry_point, 1, {.top_of_stack = 0x4711});
  memory.put_word(place(1) + top + 8, entry(1));
  for (const auto number : {std::uint64_t{2}, std::uint64_t{4}}) {
    memory.put(memory.entry_point, number, {.top_of_stack = awaitable(number + 1)});
    memory.put(memory.awaitable, number + 1, {.caller = entry(number)});
  }
  memory.forget_layouts();
  const auto& scan = memory.scan();
  ASSERT_EQ(scan.frames().size(), 5U);
  EXPECT_TRUE(scan.frames()[0].layout->is_entry);
  EXPECT_EQ(scan.frames()[0].layout->top_of_stack, top);
  EXPECT_EQ(scan.frames()[0].top_of_stack(memory.image()), 0x4711U);
  EXPECT_EQ(scan.frames()[3].top_of_stack(memory.image()), awaitable(5));
}

}  // namespace
}  // namespace tasks::cli

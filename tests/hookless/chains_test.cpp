// Frames that are a task: an entry point, and what leads back to it.

#include "hookless/task_chains.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "forged_frames.hpp"
#include "hookless/second_reading.hpp"

namespace tasks::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class TaskChains : public ::testing::Test {
 protected:
  std::uint64_t awaitable(std::uint64_t number) { return memory_.promise(memory_.awaitable, number); }
  std::uint64_t entry_point(std::uint64_t number) { return memory_.promise(memory_.entry_point, number); }
  void put_awaitable(std::uint64_t number, forged_promise its) { memory_.put(memory_.awaitable, number, its); }
  void put_entry_point(std::uint64_t number, forged_promise its) { memory_.put(memory_.entry_point, number, its); }

  task_chains chains() {
    scan_ = &memory_.scan();
    return task_chains(memory_.image(), *scan_);
  }
  static std::vector<std::uint32_t> frames(const task_chain& of) { return {of.frames.begin(), of.frames.end()}; }

  forged_frames memory_{16};
  frame_scan* scan_ = nullptr;
};

TEST_F(TaskChains, LeadFromTheInnermostFrameToTheirEntryPoint) {
  put_awaitable(1, {.caller = awaitable(6)});
  put_entry_point(3, {.top_of_stack = awaitable(1)});
  put_entry_point(5, {.top_of_stack = entry_point(5)});
  put_awaitable(6, {.caller = entry_point(3)});
  const auto found = chains();
  ASSERT_EQ(found.tasks().size(), 2U);
  EXPECT_THAT(frames(found.tasks()[0]), ElementsAre(0, 3, 1));
  EXPECT_EQ(found.tasks()[0].entry, 1U);
  EXPECT_THAT(frames(found.tasks()[1]), ElementsAre(2));
  EXPECT_EQ(found.broken().size(), 0U);
  const auto& all = scan_->frames();
  EXPECT_THAT(std::vector({all[0].task, all[1].task, all[2].task, all[3].task}), ElementsAre(0, 0, 1, 0));
}

/// Its first word is zero, and it is still the top of the stack.
TEST_F(TaskChains, LeaveOutAFrameThatIsAboutToLeave) {
  put_awaitable(1, {.caller = awaitable(6)});
  put_entry_point(3, {.top_of_stack = awaitable(1)});
  put_awaitable(6, {.caller = entry_point(3)});
  memory_.put_word(forged_frames::place(1), 0);
  // Nobody else is.
  put_awaitable(8, {.caller = awaitable(9)});
  put_awaitable(9, {.caller = entry_point(10)});
  put_entry_point(10, {.top_of_stack = awaitable(8)});
  memory_.put_word(forged_frames::place(9), 0);
  // Nor what is something else with a zero in front.
  put_awaitable(11, {.caller = entry_point(12)});
  put_entry_point(12, {.top_of_stack = awaitable(11)});
  memory_.put_word(forged_frames::place(11), 0);
  memory_.put_word(forged_frames::place(11) + 8, 0x4711);
  const auto found = chains();
  ASSERT_EQ(found.tasks().size(), 1U);
  EXPECT_THAT(frames(found.tasks()[0]), ElementsAre(1, 0));
  EXPECT_EQ(found.broken().size(), 2U);
}

TEST_F(TaskChains, ThatLeadNowhereAreBroken) {
  put_entry_point(1, {.top_of_stack = awaitable(2)});
  put_awaitable(2, {.caller = awaitable(3)});  // there is none
  put_entry_point(4, {.top_of_stack = 0x4711});
  put_entry_point(5, {.top_of_stack = ~std::uint64_t{0}});
  put_entry_point(6, {.top_of_stack = awaitable(7) + 8});
  put_awaitable(7, {.caller = entry_point(6)});
  const auto found = chains();
  EXPECT_THAT(found.tasks(), IsEmpty());
  EXPECT_EQ(found.broken().size(), 4U);
  for (const auto& each : scan_->frames()) EXPECT_EQ(each.task, frame_scan::none);
}

TEST_F(TaskChains, ThatLeadToAnotherEntryPointAreThatOnes) {
  put_entry_point(1, {.top_of_stack = awaitable(2)});
  put_awaitable(2, {.caller = awaitable(3)});
  put_awaitable(3, {.caller = entry_point(4)});
  put_entry_point(4, {.top_of_stack = awaitable(2)});
  put_entry_point(5, {.top_of_stack = awaitable(3)});
  const auto found = chains();
  ASSERT_EQ(found.tasks().size(), 1U);
  EXPECT_THAT(frames(found.tasks()[0]), ElementsAre(1, 2, 3));
  EXPECT_EQ(found.broken().size(), 2U);
}

TEST_F(TaskChains, ThatGoRoundAreBroken) {
  put_entry_point(1, {.top_of_stack = awaitable(2)});
  put_awaitable(2, {.caller = awaitable(3)});
  put_awaitable(3, {.caller = awaitable(2)});
  put_awaitable(4, {.caller = awaitable(4)});
  put_entry_point(5, {.top_of_stack = awaitable(4)});
  const auto found = chains();
  EXPECT_THAT(found.tasks(), IsEmpty());
  EXPECT_EQ(found.broken().size(), 2U);
}

TEST_F(TaskChains, OfEntryPointsThatHaveEndedAreNone) {
  put_entry_point(1, {});
  const auto found = chains();
  EXPECT_THAT(found.tasks(), IsEmpty());
  EXPECT_EQ(found.broken().size(), 0U);
  EXPECT_THAT(found.not_awaited(), IsEmpty());
}

TEST_F(TaskChains, RunWhereTheThreadThatIsAttachedSaysSo) {
  const auto thread = forged_frames::place(9);
  memory_.put_word(thread, entry_point(1));
  put_entry_point(1, {.top_of_stack = awaitable(2)});
  put_awaitable(2, {.caller = entry_point(1), .attached_thread = thread});
  put_entry_point(3, {.top_of_stack = entry_point(3), .attached_thread = thread});
  const auto found = chains();
  ASSERT_EQ(found.tasks().size(), 2U);
  EXPECT_TRUE(found.tasks()[0].runs);
  EXPECT_EQ(found.tasks()[0].thread, thread);
  EXPECT_FALSE(found.tasks()[1].runs);
}

TEST_F(TaskChains, HaveNoAwaitableThatNobodyHasAwaited) {
  put_awaitable(1, {});
  memory_.put_index(memory_.awaitable, 1, memory_.first_index);
  put_awaitable(2, {.caller = entry_point(3)});
  memory_.put_index(memory_.awaitable, 2, memory_.first_index);
  put_entry_point(3, {.top_of_stack = awaitable(2)});
  put_awaitable(4, {});
  memory_.put(memory_.other, 5);
  memory_.put_index(memory_.other, 5, memory_.first_index);
  const auto found = chains();
  EXPECT_EQ(found.tasks().size(), 1U);
  EXPECT_THAT(found.not_awaited(), ElementsAre(0));
}

TEST_F(TaskChains, AreFoundWithoutDebugInformation) {
  put_entry_point(1, {.top_of_stack = awaitable(2)});
  put_awaitable(2, {.caller = awaitable(3)});
  put_awaitable(3, {.caller = entry_point(1)});
  memory_.forget_layouts();
  EXPECT_EQ(chains().tasks().size(), 1U);
  // The layouts are kept from one look to the next.
  const auto again = chains();
  ASSERT_EQ(again.tasks().size(), 1U);
  EXPECT_THAT(frames(again.tasks()[0]), ElementsAre(1, 2, 0));
}

// Each of them anew would take minutes.
TEST(ManyTaskChains, ThatShareWhatTheyLeadToAreFollowedOnce) {
  constexpr std::uint64_t length = 100'000;
  forged_frames memory(2 * length * forged_frames::frame_distance / page_size + 1);
  const auto put_all = [&](std::uint64_t end) {
    for (std::uint64_t i = 0; i < length; ++i) {
      memory.put(memory.awaitable, i, {.caller = i + 1 < length ? memory.promise(memory.awaitable, i + 1) : end});
      memory.put(memory.entry_point, length + i, {.top_of_stack = memory.promise(memory.awaitable, 0)});
    }
  };
  const auto last = memory.promise(memory.entry_point, 2 * length - 1);
  for (const auto end : {std::uint64_t{0}, memory.promise(memory.awaitable, 0), last}) {
    put_all(end);
    auto& scan = memory.scan();
    const task_chains found(memory.image(), scan);
    EXPECT_EQ(found.tasks().size(), end == last ? 1U : 0U);
    EXPECT_EQ(found.broken().size(), end == last ? length - 1 : length);
  }
}

/// Two tasks of two frames each, the second one waiting by an operation, in memory that changes when it has been
/// copied.
class SecondReading : public TaskChains {
 protected:
  SecondReading() {
    for (const std::uint64_t first : {1U, 5U}) {
      put_awaitable(first, {.caller = entry_point(first + 1), .attached_thread = 0x4711});
      put_entry_point(first + 1, {.top_of_stack = awaitable(first)});
    }
    for (std::uint64_t word = 0; word < 3; ++word) memory_.put_word(operation + word * 8, 0x5000 + word);
    waits_[1].operation = operation;
    found_ = std::make_unique<task_chains>(chains());
  }
  [[nodiscard]] std::vector<bool> changed() {
    return changed_since(memory_.image(), memory_.bytes(), *scan_, *found_, waits_);
  }
  std::uint64_t layout_at(std::uint64_t number, std::uint64_t frame_layout::*member) const {
    const auto& frames = scan_->frames();
    return forged_frames::place(number) + frames[scan_->at(forged_frames::place(number))].layout->*member;
  }

  static constexpr std::uint64_t operation = forged_frames::place(9);
  std::vector<found_wait> waits_ = std::vector<found_wait>(2);
  std::unique_ptr<task_chains> found_;
};

TEST_F(SecondReading, OfWhatStoodStillFindsNoChange) {
  ASSERT_EQ(found_->tasks().size(), 2U);
  EXPECT_THAT(changed(), ElementsAre(false, false));
}

TEST_F(SecondReading, FindsFramesThatAreGone) {
  memory_.put_word(forged_frames::place(1), 0);
  EXPECT_THAT(changed(), ElementsAre(true, false));
}

TEST_F(SecondReading, FindsAnotherSuspendPoint) {
  memory_.put_index(memory_.awaitable, 5, memory_.first_index);
  EXPECT_THAT(changed(), ElementsAre(false, true));
}

TEST_F(SecondReading, FindsAnotherTopOfTheStack) {
  memory_.put_word(layout_at(2, &frame_layout::top_of_stack), entry_point(2));
  EXPECT_THAT(changed(), ElementsAre(true, false));
}

TEST_F(SecondReading, FindsATaskThatRuns) {
  memory_.put_word(layout_at(1, &frame_layout::attached_thread), 0);
  EXPECT_THAT(changed(), ElementsAre(true, false));
}

TEST_F(SecondReading, FindsAnotherOperationButNotAnotherOneBehindIt) {
  memory_.put_word(operation, 0x6000);
  EXPECT_THAT(changed(), ElementsAre(false, false));
  memory_.put_word(operation + 8, 0x6000);
  EXPECT_THAT(changed(), ElementsAre(false, true));
}

/// A chain that leads nowhere is a task that went on if what it should lead to came later, else a remainder.
TEST_F(SecondReading, TellsWhichChainsBrokeMeanwhile) {
  put_entry_point(11, {.top_of_stack = awaitable(12)});
  put_entry_point(13, {.top_of_stack = awaitable(14)});
  const auto broken = chains();
  ASSERT_EQ(broken.broken().size(), 2U);
  const auto& first = memory_.image();
  EXPECT_THAT(broken_since(first, memory_.bytes(), *scan_, broken), ElementsAre(false, false));
  put_awaitable(12, {.caller = entry_point(11)});
  EXPECT_THAT(broken_since(first, memory_.bytes(), *scan_, broken), ElementsAre(true, false));
}

}  // namespace
}  // namespace tasks::cli

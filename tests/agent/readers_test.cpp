// What the agent's parts make of records, in process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <set>
#include <source_location>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "readers/locations.hpp"
#include "readers/record_reader.hpp"
#include "readers/self_memory.hpp"
#include "readers/task_walk.hpp"
#include "stack_groups.hpp"
#include "support/fake_task.hpp"
#include "tasks/agent.hpp"
#include "tasks/this_task.hpp"
#include "utf8.hpp"

namespace tasks::detail {
namespace {

using layout::detail_kind;
using layout::wait_kind;
using ::testing::ElementsAre;
using testing::fake_task;

task_copy copy_of(const fake_task& task) {
  slab_map slabs;
  task_copy copy{};
  EXPECT_EQ(copy_task(*task.record(), slabs, copy), copied::whole);
  return copy;
}

std::vector<std::uint64_t> walk_ids(task_filter filter = {}) {
  std::vector<std::uint64_t> ids;
  task_walk walk(std::move(filter), task_walk::order::oldest_first);
  for (auto step = walk.next(); step != task_walk::step::end; step = walk.next())
    if (step == task_walk::step::task) ids.push_back(walk.task().id);
  return ids;
}

TEST(RecordReader, CopiesWhatATaskWaitsFor) {
  fake_task task;
  EXPECT_EQ(state_of(copy_of(task).word), task_state::ready);
  EXPECT_EQ(age_of(copy_of(task), UINT64_MAX), 0u);
  task.run();
  const auto running = copy_of(task);
  EXPECT_EQ(state_of(running.word), task_state::running);
  EXPECT_EQ(running.thread, static_cast<std::uint32_t>(gettid()));
  EXPECT_EQ(kind_of(running), wait_kind::none);
  task.wait_unknown();
  EXPECT_EQ(state_of(copy_of(task).word), task_state::blocked);
  EXPECT_EQ(kind_of(copy_of(task)), wait_kind::other);
  EXPECT_EQ(copy_of(task).thread, 0u);
  task.run().wait(wait_kind::socket_read, 0x1234, detail_kind::none, 0, 9);
  const auto reading = copy_of(task);
  EXPECT_EQ(kind_of(reading), wait_kind::socket_read);
  EXPECT_EQ(reading.object, 0x1234u);
  EXPECT_EQ(layout::descriptor_of(reading.wait), 9u);
  EXPECT_GT(reading.version(), running.version());
}

TEST(RecordReader, AnAgeIsNeverNegative) {
  fake_task task;
  task.run().wait(wait_kind::timer);
  const auto copy = copy_of(task);
  EXPECT_EQ(age_of(copy, copy.since + 1500), 1500u);
  EXPECT_EQ(age_of(copy, copy.since - 1), 0u);
}

TEST(RecordReader, StacksOfAnyDepthAreComplete) {
  for (const std::size_t depth : {1u, 7u, 8u, 9u, 22u, 23u, 36u, 500u}) {
    fake_task task;
    task.run();
    for (std::size_t i = 1; i < depth; ++i) task.enter_unhooked(0x400000 + i);
    task.wait(wait_kind::timer);
    const auto copy = copy_of(task);
    ASSERT_EQ(copy.depth, depth);
    EXPECT_FALSE(copy.truncated);
    for (std::size_t i = 1; i < depth; ++i) ASSERT_EQ(layout::code_address(copy.where[i]), 0x400000 + i);
  }
}

TEST(RecordReader, AStackTooDeepToCopySaysSo) {
  fake_task task;
  task.run();
  while (task.depth() < deepest_stack + 100) task.enter();
  task.wait(wait_kind::timer);
  const auto copy = copy_of(task);
  EXPECT_EQ(copy.depth, deepest_stack);
  EXPECT_TRUE(copy.truncated);
}

TEST(RecordReader, FollowsNoPointerThatIsNoRecords) {
  fake_task task;
  task.run();
  for (int i = 0; i < 20; ++i) task.enter();
  const auto real = load(task.record()->overflow);
  alignas(256) static std::byte elsewhere[256];
  slab_map slabs;
  task_copy copy{};
  for (const std::uint64_t wrong : {std::uint64_t{8}, real + 8, address(elsewhere), ~std::uint64_t{255},
                                    address(task.record()), std::uint64_t{0}}) {
    store(task.record()->overflow, wrong);
    EXPECT_EQ(copy_task(*task.record(), slabs, copy), copied::torn);
    store(task.record()->annotations, wrong);
    std::vector<annotation_copy> texts;
    copy.annotations = wrong;
    copy_annotations(copy, slabs, texts);
    EXPECT_TRUE(texts.empty());
  }
  store(task.record()->annotations, 0);
  store(task.record()->overflow, real);
  EXPECT_EQ(copy_task(*task.record(), slabs, copy), copied::whole);
}

TEST(RecordReader, CopiesNamesAndLabels) {
  fake_task task;
  task.run();
  EXPECT_TRUE(this_task::set_name("conn 42"));
  EXPECT_TRUE(this_task::set_label("user", "ann"));
  EXPECT_TRUE(this_task::set_label("user", "bob"));
  const auto copy = copy_of(task);
  slab_map slabs;
  std::vector<annotation_copy> texts;
  copy_annotations(copy, slabs, texts);
  std::set<std::pair<std::string, std::string>> seen;
  for (const auto& text : texts) seen.emplace(text.key.data(), text.value.data());
  EXPECT_THAT(seen, ElementsAre(std::pair("", "conn 42"), std::pair("user", "bob")));
}

/// Begins, switches and ends tasks as fast as can be. Each turn of a task marks its frames and its wait alike.
void churn(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    fake_task task;
    for (std::uint64_t turn = 0; turn < 20; ++turn) {
      const auto mark = (task.id() * 20 + turn) << 12;
      task.wake();
      for (std::size_t depth = turn == 7 ? 13 : 2; task.depth() < depth;) task.enter_unhooked(mark + task.depth());
      task.wait(wait_kind::channel_send, mark);
      task.wake();
      while (task.depth() > 1) task.leave();
    }
  }
}

#if !defined(__SANITIZE_THREAD__) && defined(__has_feature)
#  if __has_feature(thread_sanitizer)
#    define __SANITIZE_THREAD__
#  endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(__aarch64__)
constexpr int walks = 1500;  // each some 200 times as slow, or by an emulated processor
#else
constexpr int walks = 50000;
#endif

TEST(TaskWalk, NeverTearsAndNeverRepeatsATaskThatHasEnded) {
  const std::jthread first(churn);
  const std::jthread second(churn);
  std::set<std::uint64_t> gone;
  std::set<std::uint64_t> last;
  std::uint64_t tasks = 0;
  // On a busy machine the walks may be over before the other threads have begun.
  for (int i = 0; i < walks || tasks == 0; ++i) {
    std::set<std::uint64_t> seen;
    task_walk walk({}, i % 2 == 0 ? task_walk::order::oldest_first : task_walk::order::any);
    for (auto step = walk.next(); step != task_walk::step::end; step = walk.next()) {
      if (step != task_walk::step::task) continue;
      const auto& task = walk.task();
      ASSERT_TRUE(seen.insert(task.id).second);
      ASSERT_FALSE(gone.contains(task.id));
      // What a copy says is of one moment: its frames are of one turn of its task, and so is what it waits for.
      for (std::size_t k = 1; k < task.depth; ++k) {
        const auto mark = layout::code_address(task.where[k]) >> 12 << 12;
        ASSERT_EQ((mark >> 12) / 20, task.id);
        ASSERT_EQ(mark, layout::code_address(task.where[1]) >> 12 << 12);
        ASSERT_EQ(layout::code_address(task.where[k]), mark + k);
      }
      if (kind_of(task) == wait_kind::channel_send) {
        ASSERT_GE(task.depth, 2u);
        ASSERT_EQ(task.object, layout::code_address(task.where[1]) >> 12 << 12);
      }
      ++tasks;
    }
    for (const auto id : last)
      if (!seen.contains(id) && walk.counts().torn == 0) gone.insert(id);
    last = std::move(seen);
  }
  EXPECT_GT(tasks, 0u);
}

/// A proof that nobody has a channel would take the copy of its address for somebody's.
TEST(TaskWalk, KeepsNoAddressOfWhatTasksWaitOnWhenItIsOver) {
  fake_task task;
  task.run().wait(wait_kind::channel_receive, 0x1234, detail_kind::capacity, 0, 0);
  for (const auto order : {task_walk::order::oldest_first, task_walk::order::any}) {
    task_walk walk({.ids = {task.id()}, .kinds = 0}, order);
    auto step = walk.next();
    while (step == task_walk::step::pause) step = walk.next();
    ASSERT_EQ(step, task_walk::step::task);
    EXPECT_EQ(walk.task().object, 0x1234u);
    while (step != task_walk::step::end) step = walk.next();
    EXPECT_EQ(walk.task().object, 0u);
    EXPECT_EQ(walk.task().group.count, 0u);
  }
}

TEST(TaskWalk, VisitsTheOldestFirstAndAllThatThereAre) {
  { const std::deque<fake_task> ended(700); }  // their records are used again in the opposite order
  const std::deque<fake_task> tasks(1000);
  const auto ids = walk_ids();
  EXPECT_EQ(ids.size(), 1000u);
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
}

TEST(TaskWalk, MoreTasksThanItSortsAreAllVisited) {
  std::deque<fake_task> tasks(task_walk::most_sorted + 1);
  auto ids = walk_ids();
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(std::unique(ids.begin(), ids.end()) - ids.begin(), static_cast<long>(tasks.size()));
}

TEST(TaskFilter, OlderMeansLongerInItsState) {
  fake_task task;
  task.run().wait(wait_kind::timer);
  const auto copy = copy_of(task);
  const task_filter filter{.ids = {}, .older_than_ms = 1000};
  EXPECT_FALSE(filter.passes(copy, copy.since + 1000));
  EXPECT_TRUE(filter.passes(copy, copy.since + 1001));
}

TEST(StackGroups, TellApartByFramesStateWaitAndSpawnPath) {
  stack_groups groups;
  const auto add = [&groups](std::vector<std::uint64_t> where, wait_kind kind, std::uint64_t id, std::uint64_t age,
                             std::uint64_t path = 7) {
    task_copy task{};
    task.word = layout::state_bits_of(layout::record_state::blocked);
    task.wait = layout::pack_wait(kind, detail_kind::capacity, layout::no_descriptor);
    task.detail = id % 2;
    task.id = id;
    task.spawn_path = path;
    task.spawn_where = 100 + id;
    task.depth = where.size();
    task.where = std::move(where);
    groups.add(task, age);
  };
  add({1, 2}, wait_kind::channel_send, 11, 5);
  add({1, 2}, wait_kind::channel_send, 13, 9);
  add({1, 2}, wait_kind::channel_send, 15, 5);
  add({1, 2}, wait_kind::channel_send, 9, 5);
  add({1, 2}, wait_kind::channel_receive, 4, 1);
  add({2, 1}, wait_kind::channel_receive, 6, 2);
  add({1, 2, 0}, wait_kind::channel_receive, 8, 2);
  add({1, 2}, wait_kind::channel_send, 17, 5, 8);
  const auto sorted = groups.sort();
  ASSERT_EQ(sorted.size(), 5u);
  EXPECT_EQ(sorted[0].count, 4u);
  EXPECT_THAT(sorted[0].ids, ElementsAre(13, 9, 11));
  EXPECT_EQ(sorted[0].ages[0], 9u);
  EXPECT_EQ(sorted[0].spawn_where, 113u);
  EXPECT_EQ(sorted[0].spawn_path, 7u);
  EXPECT_TRUE(sorted[0].same_capacity);
  EXPECT_THAT(groups.frames(sorted[0]), ElementsAre(1, 2));
  EXPECT_EQ(sorted[1].ids[0], 17u);  // as large as the next three, and older
  EXPECT_EQ(sorted[2].ids[0], 6u);
  EXPECT_EQ(sorted[4].ids[0], 4u);
}

TEST(StackGroups, AreBoundedAndCountWhatFindsNoRoom) {
  stack_groups groups;
  task_copy task{};
  task.word = layout::state_bits_of(layout::record_state::running);
  task.depth = 1;
  for (std::uint64_t i = 0; i < stack_groups::most_groups + 10; ++i) {
    task.where = {i};
    task.id = i;
    groups.add(task, 0);
  }
  EXPECT_EQ(groups.left_out(), 10u);
  EXPECT_EQ(groups.sort().size(), stack_groups::most_groups);
}

TEST(SelfMemory, WhatIsNotMappedIsAnErrorAndNoCrash) {
  const auto page = static_cast<std::size_t>(getpagesize());
  auto* two = static_cast<char*>(mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(two, MAP_FAILED);
  std::fill_n(two, page, 'x');
  munmap(two + page, page);
  const auto end = address(two + page);
  using strings = std::vector<std::string>;
  EXPECT_EQ(read_self_strings(std::array{end - 5}), strings{"xxxxx"});
  EXPECT_EQ(read_self_strings(std::array{end, std::uint64_t{8}, std::uint64_t{0}}), (strings{"", "", ""}));
  EXPECT_EQ(read_self_strings(std::array{address(two)}, 100), strings{std::string(100, 'x')});
  EXPECT_EQ(read_location(end - 4).file, "");
  munmap(two, page);
}

TEST(SelfMemory, WhatIsThereIsReadBesideWhatIsNot) {
  const auto page = static_cast<std::size_t>(getpagesize());
  auto* two = static_cast<char*>(mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(two, MAP_FAILED);
  munmap(two + page, page);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 200; ++i) texts.push_back(std::string(i * 7, static_cast<char>('a' + i % 26)));
  std::vector<std::uint64_t> addresses;
  std::vector<std::string> expected;
  for (const auto& text : texts) {
    addresses.insert(addresses.end(), {address(text.c_str()), address(two + page) - 3, 8});
    expected.insert(expected.end(), {text, "", ""});
  }
  EXPECT_EQ(read_self_strings(addresses), expected);
  munmap(two, page);
}

TEST(SelfMemory, LocationsAreReadTogetherAsTheyAreAlone) {
  const auto here = std::source_location::current();
  const auto there = std::source_location::current();
  const auto word = [](const std::source_location& of) {
    std::uint64_t data = 0;
    std::memcpy(&data, &of, sizeof data);
    return data;
  };
  const auto code = ~std::uint64_t{0x1234};
  const auto all = read_locations(std::array{word(here), std::uint64_t{8}, code, word(there)});
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0].line, here.line());
  EXPECT_EQ(all[0].file, here.file_name());
  EXPECT_EQ(all[0].function, here.function_name());
  EXPECT_EQ(all[1].function, "");
  EXPECT_EQ(all[2].address, 0x1234u);
  EXPECT_EQ(all[3].line, there.line());
  EXPECT_EQ(all[3].function, there.function_name());
}

TEST(SelfMemory, TextIsMadeUtf8) {
  const auto fixed = [](std::string text) {
    make_utf8(text);
    return text;
  };
  EXPECT_EQ(fixed("héllo €𝄞"), "héllo €𝄞");
  EXPECT_EQ(fixed("a\xff\x80z"), "a??z");
  EXPECT_EQ(fixed("after eight bytes and more: é\xff"), "after eight bytes and more: é?");
  EXPECT_EQ(fixed("cut \xe2\x82"), "cut ??");
  EXPECT_EQ(fixed("\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80"), "?????????");  // overlong, surrogate, too large
}

}  // namespace
}  // namespace tasks::detail

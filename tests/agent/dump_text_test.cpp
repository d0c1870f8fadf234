// What a dump says of tasks that wait for too long, and which of them nothing could wake.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "dump/deadlock_watch.hpp"
#include "registry/registry.hpp"
#include "support/fake_task.hpp"
#include "task_copy.hpp"
#include "tasks/dump.hpp"

namespace tasks {
namespace {

using layout::detail_kind;
using layout::wait_kind;
using ::testing::ContainsRegex;
using testing::fake_task;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto never = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

std::string dump(const std::string& cause = {}) {
  std::ostringstream out;
  write_dump(out, cause);
  return out.str();
}

/// Waits since 40 seconds ago.
fake_task& wait_long(fake_task& task, wait_kind kind, detail_kind what = detail_kind::none, std::uint64_t detail = 0) {
  task.run();
  detail::this_root.tick.store(detail::monotonic_ms() - 40'000);
  task.wait(kind, 0x5000, what, detail);
  detail::this_root.tick.store(0);
  return task;
}

TEST(WriteDump, NamesWhoWaitsTooLongForWhatNothingOutsideEnds) {
  fake_task receives, expects_nothing, young, reads, gives_up, sleeps;
  wait_long(receives, wait_kind::channel_receive, detail_kind::capacity, 8);
  wait_long(expects_nothing, wait_kind::timer, detail_kind::steady_expiry, never);
  young.run().wait(wait_kind::channel_receive);
  wait_long(reads, wait_kind::socket_read);
  wait_long(gives_up, wait_kind::channel_receive, detail_kind::capacity_and_timeout, 8);
  wait_long(sleeps, wait_kind::timer, detail_kind::steady_expiry, never - 1);
  // may leak: for longer than 30s these wait on …
  //   1 × channel receive, 40s  …wait_long(…): task 1
  //   1 × timer, 40s  …wait_long(…): task 2
  // === end of process 4711
  const auto text = dump();
  ASSERT_THAT(text, HasSubstr("\nmay leak: "));
  const auto leaks = text.substr(text.find("\nmay leak: "));
  EXPECT_THAT(leaks, ContainsRegex("\n  1 × channel receive, 4[0-9]s  .*wait_long\\(.*\\): task " +
                                   std::to_string(receives.id()) + "\n"));
  EXPECT_THAT(leaks, ContainsRegex("\n  1 × timer, 4[0-9]s  .*wait_long\\(.*\\): task " +
                                   std::to_string(expects_nothing.id()) + "\n"));
  for (const auto* other : {&young, &reads, &gives_up, &sleeps})
    EXPECT_THAT(leaks, Not(HasSubstr("task " + std::to_string(other->id()) + "\n")));
}

TEST(WriteDump, SaysNothingOfLeaksWhereNobodyWaitsForLong) {
  fake_task young;
  young.run().wait(wait_kind::channel_receive);
  EXPECT_THAT(dump("why"), Not(HasSubstr("may leak")));
  EXPECT_THAT(dump("why"), ContainsRegex("^=== tasks of process .*: why\n"));
}

TEST(WriteDump, IsBoundedHoweverManyStacksThereAre) {
  std::vector<fake_task> tasks(1100);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    tasks[i].run();
    for (std::size_t depth = 0; depth < i % 1100; ++depth) tasks[i].enter_unhooked(0x1000 + depth);
    tasks[i].wait(wait_kind::channel_receive);
  }
  EXPECT_THAT(dump(), ContainsRegex("\n[0-9]+ tasks in further groups\n"));
}

TEST(DeadlockWatch, SeesThatAllTasksWaitForEachOther) {
  detail::deadlock_watch watch(0);
  EXPECT_FALSE(watch.look());  // there are none
  fake_task receives;
  receives.run();
  detail::this_thread.current = nullptr;
  EXPECT_FALSE(watch.look());
  receives.wait(wait_kind::channel_receive);
  EXPECT_TRUE(watch.look());
  fake_task sends;
  EXPECT_FALSE(watch.look());
  sends.run().wait(wait_kind::channel_send, 0x5000, detail_kind::capacity_and_timeout, 8);
  EXPECT_FALSE(watch.look());
  sends.wake().wait(wait_kind::timer, 0x5000, detail_kind::steady_expiry, never);
  EXPECT_FALSE(watch.look());
  sends.wake().wait(wait_kind::channel_send);
  EXPECT_TRUE(watch.look());
}

TEST(DeadlockWatch, WaitsUntilNobodyHasGoneOnForAsLongAsItIsTold) {
  detail::deadlock_watch watch(1'000'000);
  fake_task receives;
  receives.run().wait(wait_kind::channel_receive);
  EXPECT_FALSE(watch.look());
  EXPECT_GE(watch.next_look(), detail::monotonic_ms());
  EXPECT_FALSE(watch.look());
}

}  // namespace
}  // namespace tasks

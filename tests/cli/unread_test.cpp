// Tasks that wait to read what is in the kernel already: why says whose fault it is, and nothing where it is nobody's.

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>

#include "support/program.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

/// The task that reads, once it has waited for so long that it would be told of.
v1::TaskView reader_of(const program& target) {
  for (const auto begin = std::chrono::steady_clock::now(); std::chrono::steady_clock::now() - begin < guard;) {
    const auto reading = tasks_in(view<v1::StackView>({"stack", target.pid_text()}), "read");
    if (reading.size() == 1 && reading[0].wait().seconds() >= 3) return reading[0];
  }
  throw std::runtime_error("no task has read for long");
}

std::string why_of(const program& target) {
  return text({"why", target.pid_text(), std::to_string(reader_of(target).id())});
}

TEST(Unread, ABusyWorkerIsNamedWithTheTaskThatKeepsIt) {
  const program target({program_path("unread"), "busy"});
  const auto keepers = tasks_in(view<v1::StackView>({"stack", target.pid_text()}), "keep_worker");
  ASSERT_EQ(keepers.size(), 1U);
  const auto reader = reader_of(target);
  const std::string id = std::to_string(reader.id());
  wait_until_shown({"why", target.pid_text(), id}, "due: its only worker has run task ");
  EXPECT_THAT(text({"why", target.pid_text(), id}),
              HasSubstr("5 B are there to be read: its worker, thread " + std::to_string(keepers[0].thread()) +
                        ", is busy with task " + std::to_string(keepers[0].id()) + "\n"));
}

TEST(Unread, AContextThatNobodyRunsIsNamed) {
  const program target({program_path("unread"), "nobody"});
  EXPECT_THAT(why_of(target), HasSubstr("5 B are there to be read: no thread runs its io_context\n"));
}

TEST(Unread, AMissedWakeIsToldWithTheWorkerThatWaits) {
  const program target({program_path("unread"), "missed"});
  const auto reader = reader_of(target);
  const auto seen = view<v1::WhyView>({"why", target.pid_text(), std::to_string(reader.id())});
  EXPECT_EQ(seen.receive_queue_bytes(), 5U);
  ASSERT_TRUE(seen.task().has_due()) << text({"why", target.pid_text(), std::to_string(reader.id())});
  EXPECT_EQ(seen.task().due().available(), 5U);
  EXPECT_GE(seen.task().due().missed_for_seconds(), 1);
  EXPECT_THAT(why_of(target),
              AllOf(HasSubstr("due: its worker waits for events, and was told of none\n"),
                    ContainsRegex("5 B are there to be read: a missed wake, seen for [0-9]+ ms: its worker, thread " +
                                  std::to_string(seen.task().due().worker_tid()) +
                                  ", waits for events, and was told of none\n")));
}

TEST(Unread, FewerBytesThanTheSocketWaitsForAreNobodysFault) {
  const program target({program_path("unread"), "few"});
  EXPECT_THAT(why_of(target), AllOf(HasSubstr("the kernel has 5 B to be read"), Not(HasSubstr("due"))));
}

TEST(Unread, AServedSocketIsNot) {
  const program target({program_path("unread"), "read"});
  EXPECT_THAT(why_of(target), Not(HasSubstr("due")));
}

}  // namespace
}  // namespace tasks::testing

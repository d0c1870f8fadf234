// Awaitables that nobody awaits are in no task; `tasks memory` counts them by function.

#include <gmock/gmock.h>

#include <cstdint>
#include <string>
#include <vector>

#include "support/program.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;

void expect_fetches(const std::vector<std::string>& words, std::uint64_t count) {
  const auto seen = view<v1::MemoryView>(words);
  ASSERT_EQ(seen.not_awaited_size(), 1) << text(words);
  const auto& fetches = seen.not_awaited(0);
  EXPECT_THAT(fetches.function(), HasSubstr("not_awaited::fetch(int)"));
  EXPECT_THAT(fetches.file(), EndsWith("not_awaited.cpp"));
  EXPECT_NE(fetches.line(), 0U);
  EXPECT_EQ(fetches.count(), count);
  EXPECT_GT(fetches.bytes(), 0U);
}

TEST(NotAwaited, AwaitablesInNoTaskAreCountedByTheirFunction) {
  const program target({program_path("not_awaited")});
  // Neither what a task has in a variable, or behind one, nor what was spawned and has not begun.
  expect_fetches({"memory", target.pid_text()}, 3);
  expect_fetches({"memory", target.pid_text(), "--no-hook"}, 3);
  EXPECT_THAT(text({"memory", target.pid_text()}), AllOf(HasSubstr("made and not awaited, in no task: 3 awaitables\n"),
                                                         HasSubstr("  3 × not_awaited::fetch(int) not_awaited.cpp:")));
}

TEST(NotAwaited, OneThatIsAwaitedIsATasksFrame) {
  const program target({program_path("not_awaited"), "one"});
  expect_fetches({"memory", target.pid_text()}, 2);
}

}  // namespace
}  // namespace tasks::testing

// A program whose tasks begin and end without pause: what has ended is never shown, whatever is left of it in memory.

#include <gmock/gmock.h>

#include <algorithm>
#include <set>
#include <string>

#include "support/program.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

using ::testing::AllOf;
using ::testing::Ge;
using ::testing::Le;

/// 64 tasks last, and each has begun another one, which ends as its own work does; two threads may be behind.
TEST(Churn, WithoutTheHookNoEndedTaskIsShownAndNoneIsLost) {
  constexpr int lasting = 64, threads = 2;
  const program target({program_path("churn")});
  for (int look = 0; look < 20; ++look) {
    const auto seen = view<v1::StackView>({"stack", target.pid_text(), "--no-hook"});
    const auto last = std::ranges::count_if(seen.tasks(), [](const auto& task) {
      return task.frames_size() > 0 && place(task.frames(task.frames_size() - 1)).starts_with("forever ");
    });
    EXPECT_EQ(last, lasting) << "at look " << look;
    EXPECT_THAT(seen.tasks_size(), AllOf(Ge(lasting), Le(2 * lasting + 2 * threads))) << "at look " << look;
    std::set<std::uint64_t> ids;
    for (const auto& task : seen.tasks()) EXPECT_TRUE(ids.insert(task.id()).second) << task.id();
  }
}

}  // namespace
}  // namespace tasks::testing

// A program whose tasks begin and end without pause: what has ended is never shown, whatever is left of it in memory.

#include <gmock/gmock.h>

#include <algorithm>
#include <chrono>
#include <regex>
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

/// 200 tasks wait for hours beside one that never rests. Nobody is stopped.
TEST(LetRun, TasksThatRestAreShownAndTheOthersAreOnceMoreAsTheyWereOrLeftOut) {
  const program target({program_path("busy"), "post"});
  for (int look = 0; look < 20; ++look) {
    const auto seen = view<v1::StackView>({"stack", target.pid_text(), "--no-hook", "--no-stop"});
    const auto rest = std::ranges::count_if(seen.tasks(), [](const auto& task) {
      return task.wait().kind() == v1::Wait::TIMER && task.frames_size() == 1;
    });
    EXPECT_EQ(rest, 200) << "at look " << look;
    EXPECT_LE(seen.tasks_size(), 201);
    if (seen.complete()) {
      EXPECT_EQ(seen.tasks_size(), 201) << "at look " << look;
    }
  }
}

TEST(LetRun, WhatChangesMeanwhileIsCounted) {
  const program target({program_path("churn")});
  bool told = false;
  const auto until = std::chrono::steady_clock::now() + guard;
  while (!told && std::chrono::steady_clock::now() < until) {
    const auto seen = run({tasks_executable(), "stack", target.pid_text(), "--no-hook", "--no-stop"});
    told = std::regex_search(
        seen.err,
        std::regex(": [1-9][0-9]* tasks changed and are left out, and what began meanwhile may be missing\n"));
  }
  EXPECT_TRUE(told);
}

/// What is not of one moment proves nothing.
TEST(LetRun, NothingIsProvenThen) {
  const program target({program_path("churn")});
  std::string out;
  const auto until = std::chrono::steady_clock::now() + guard;
  while (out.find("ran while its memory was copied, and none is to be stopped") == out.npos &&
         std::chrono::steady_clock::now() < until) {
    const auto seen = run({tasks_executable(), "leaks", target.pid_text(), "--no-hook", "--no-stop"});
    EXPECT_FALSE(seen.out.starts_with("proven: ")) << seen.out;
    out = seen.out;
  }
  EXPECT_NE(out.find("none is to be stopped"), out.npos) << out;
}

}  // namespace
}  // namespace tasks::testing

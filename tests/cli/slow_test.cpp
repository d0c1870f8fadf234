// Runs that take too long, caught while they last: `tasks slow`.

#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "support/program.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::vector<std::string> native_functions(const v1::SlowRunView& run) {
  std::vector<std::string> names;
  for (const auto& frame : run.task().native_frames()) names.push_back(frame.function());
  return names;
}

TEST(Slow, CatchesRunsWhileTheyLast) {
  const program target({program_path("timed")});
  // Where the machine is busy a run may be over before we get a turn to look at its thread.
  const auto deadline = std::chrono::steady_clock::now() + guard;
  for (bool was_caught = false; !was_caught;) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    const auto seen = view<v1::SlowView>({"slow", target.pid_text(), "--over", "2ms", "--limit", "10"});
    EXPECT_NEAR(seen.over_seconds(), 0.002, 1e-9);
    EXPECT_EQ(seen.runs_size(), 10);
    for (const auto& run : seen.runs()) {
      EXPECT_GE(run.seconds(), 0.002);
      if (run.task().frames().rbegin()->function() != "timed::grind()") continue;
      EXPECT_GE(run.seconds(), run.exact() ? 0.005 * 0.99 : 0.002);
      const auto functions = native_functions(run);
      was_caught = was_caught || std::any_of(functions.begin(), functions.end(),
                                             [](const auto& f) { return f.starts_with("timed::run_for"); });
    }
  }
}

TEST(Slow, TellsOfARunThatLasts) {
  const program target({program_path("timed"), "stuck"});
  const auto seen = view<v1::SlowView>({"slow", target.pid_text(), "--limit", "1"});
  ASSERT_EQ(seen.runs_size(), 1);
  const auto& run = seen.runs(0);
  EXPECT_TRUE(run.lasts());
  EXPECT_FALSE(run.exact());
  EXPECT_GE(run.seconds(), 1);
  EXPECT_EQ(run.task().frames().rbegin()->function(), "timed::stuck()");
  EXPECT_THAT(native_functions(run), Contains(StartsWith("timed::run_for")));
}

TEST(Slow, ReadsWell) {
  const program target({program_path("timed")});
  const auto shown = text({"slow", target.pid_text(), "--over", "4ms", "--limit", "5"});
  EXPECT_THAT(shown, AllOf(HasSubstr(" ran for "), HasSubstr(" on thread "), HasSubstr("timed::grind()"),
                           HasSubstr("\n5 runs took 4.0ms or more, in "), HasSubstr("; longest ")));
  const auto quiet = text({"slow", target.pid_text(), "--over", "1h", "--for", "0.1"});
  EXPECT_THAT(quiet, StartsWith("no run took 1h00m or more, in 0."));
}

TEST(Slow, EndsWithItsTargetAndSaysSo) {
  program target({program_path("timed")});
  program watching(program::unready{}, {tasks_executable(), "slow", target.pid_text(), "--over", "2ms"});
  // It has begun to watch once it has told of a run.
  EXPECT_THAT(watching.read_line(), HasSubstr(" ran for "));
  target.send_signal(SIGKILL);
  EXPECT_EQ(watching.read_until("! it ended"), ", or executes another program");
  EXPECT_EQ(watching.wait(), (ending{0, 0}));
}

TEST(Slow, NeedsAnAgent) {
  const program target({program_path("timed")});
  target.suspend();
  const auto stopped = run({tasks_executable(), "slow", target.pid_text()});
  target.send_signal(SIGCONT);
  EXPECT_EQ(stopped.end.code, 1);
  EXPECT_THAT(stopped.err, HasSubstr("only an agent can time runs"));
  EXPECT_EQ(run({tasks_executable(), "slow"}).end.code, 2);
  EXPECT_EQ(run({tasks_executable(), "slow", "1", "2"}).end.code, 2);
}

}  // namespace
}  // namespace tasks::testing

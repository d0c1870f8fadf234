// Tasks whose waits are over, and nobody resumes them: who is in the way, in every view that a user would look at.

#include <gmock/gmock.h>

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "support/program.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// A wait is due when it has been over for a second, which takes it that long.
void wait_until_due(const program& target) { wait_until_shown({"vitals", target.pid_text()}, "! due: "); }

/// Until a task has waited for so long that it would be due, were its wait over.
void wait_for_age(const program& target) {
  const auto is_old = [](const v1::TaskView& task) { return task.wait().seconds() >= 3; };
  const auto begin = std::chrono::steady_clock::now();
  for (;;) {
    const auto stacks = view<v1::StackView>({"stack", target.pid_text()});
    if (std::any_of(stacks.tasks().begin(), stacks.tasks().end(), is_old)) return;
    if (std::chrono::steady_clock::now() - begin > guard) throw std::runtime_error("no task has waited for long");
  }
}

TEST(Due, RunThatEndedByAnExceptionIsNamed) {
  const program target({program_path("due"), "ended"});
  wait_until_due(target);
  EXPECT_THAT(text({"vitals", target.pid_text()}), HasSubstr("no thread runs its io_context"));
  EXPECT_THAT(text({"vitals", target.pid_text(), "--direct"}), HasSubstr("no thread runs its io_context"));
  const auto stacks = view<v1::StackView>({"stack", target.pid_text()});
  const auto ticking = tasks_in(stacks, "tick");
  ASSERT_EQ(ticking.size(), 1U);
  EXPECT_EQ(ticking[0].due().reason(), "no thread runs its io_context");
  EXPECT_GE(ticking[0].due().seconds(), 1);
  EXPECT_THAT(text({"list"}), HasSubstr(target.pid_text() + "*!"));
  const auto leaks = run({tasks_executable(), "leaks", target.pid_text()});
  EXPECT_EQ(leaks.end.code, 3) << leaks.out;
  EXPECT_THAT(leaks.out, HasSubstr("evidence: its timer has expired, and no thread runs its io_context"));
}

TEST(Due, BytesInAPipeOfAContextThatNobodyRunsAreSeen) {
  const program target({program_path("due"), "other"});
  wait_until_due(target);
  const auto stacks = view<v1::StackView>({"stack", target.pid_text()});
  const auto ticking = tasks_in(stacks, "tick");
  ASSERT_EQ(ticking.size(), 1U);
  EXPECT_THAT(ticking[0].due().reason(), HasSubstr("no thread runs its io_context"));
  const auto seen = text({"why", "-p", target.pid_text(), std::to_string(ticking[0].id())});
  EXPECT_THAT(seen, HasSubstr("no thread runs its io_context"));
}

TEST(Due, AWorkerThatRunsAnotherTaskIsInTheWay) {
  const program target({program_path("due"), "busy"});
  wait_until_due(target);
  const auto stacks = view<v1::StackView>({"stack", target.pid_text()});
  const auto keepers = tasks_in(stacks, "keep_worker");
  const auto ticking = tasks_in(stacks, "tick");
  ASSERT_EQ(keepers.size(), 1U);
  ASSERT_EQ(ticking.size(), 1U);
  EXPECT_EQ(ticking[0].due().behind_task_id(), keepers[0].id());
  EXPECT_THAT(ticking[0].due().reason(),
              HasSubstr("its only worker has run task " + std::to_string(keepers[0].id()) + " for "));
}

TEST(Due, AGameLoopIsHealthy) {
  const program target({program_path("due"), "game"});
  wait_for_age(target);
  EXPECT_THAT(text({"vitals", target.pid_text()}), Not(HasSubstr("due")));
}

TEST(Due, AContextThatWasStoppedAndIsRunAgainIsHealthy) {
  const program target({program_path("due"), "again"});
  wait_for_age(target);
  EXPECT_THAT(text({"vitals", target.pid_text()}), Not(HasSubstr("due")));
}

TEST(Due, AStoppedProcessIsNotBlamed) {
  const program target({program_path("due"), "again"});
  target.suspend();
  wait_for_age(target);
  EXPECT_THAT(text({"vitals", target.pid_text()}), Not(HasSubstr("due")));
  target.send_signal(SIGCONT);
}

}  // namespace
}  // namespace tasks::testing

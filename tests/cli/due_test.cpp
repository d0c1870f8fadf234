// Tasks whose waits are over, and nobody resumes them: who is in the way, in every view that a user would look at.

#include <gmock/gmock.h>

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/program.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

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
  // The timer may have expired just before the run ended.
  EXPECT_THAT(leaks.out,
              AnyOf(HasSubstr("evidence: its timer has expired, and no thread runs its io_context"),
                    HasSubstr("evidence: its handler is queued for a thread, and no thread runs its io_context")));
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

TEST(Due, AThreadWhoseRunHasReturnedIsNoWorker) {
  for (const auto* how : {"ended", "left"}) {
    const program target({program_path("due"), how});
    wait_until_due(target);
    const auto seen = view<v1::VitalsView>({"vitals", target.pid_text()});
    EXPECT_EQ(seen.workers(), 0U) << how;
    EXPECT_THAT(seen.findings(), Contains("no worker: 2 tasks wait, and no thread runs what would resume them")) << how;
    EXPECT_THAT(text({"list"}), HasSubstr(target.pid_text() + "*!")) << how;
  }
}

TEST(Due, ATaskThatWasSpawnedAndNeverRunsIsSeen) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "whose task a queued operation is is told by blocks of glibc's malloc";
#endif
  for (const auto* how : {"unstarted", "behind"}) {
    const program target({program_path("due"), how});
    wait_until_due(target);
    v1::TaskView resting;
    // Behind a task that has run for two seconds.
    for (const auto begin = std::chrono::steady_clock::now(); resting.due().over().empty();) {
      ASSERT_LT(std::chrono::steady_clock::now() - begin, guard) << how;
      const auto stacks = view<v1::StackView>({"stack", target.pid_text(), "--state", "ready"});
      for (const auto& task : stacks.tasks()) resting = task;
    }
    EXPECT_EQ(resting.due().over(), "it was spawned and has never run: its handler is queued for a thread");
    EXPECT_THAT(resting.due().reason(), how == std::string("behind") ? HasSubstr("its only worker has run task ")
                                                                     : HasSubstr("no thread runs its io_context"));
    const auto id = std::to_string(resting.id());
    EXPECT_THAT(text({"vitals", target.pid_text()}), HasSubstr(id)) << how;
    EXPECT_THAT(text({"why", target.pid_text(), id}),
                AllOf(HasSubstr("has not begun: it waits for its turn on an executor\n"),
                      HasSubstr("it was spawned and has never run: its handler is queued for a thread\n")));
    // Which may run it yet: no leak.
    EXPECT_THAT(run({tasks_executable(), "leaks", target.pid_text()}).out, Not(HasSubstr("has never run")));
  }
}

TEST(Due, AStoppedContextIsCalledSo) {
  const program target({program_path("due"), "stopped"});
  wait_until_due(target);
  const auto stacks = view<v1::StackView>({"stack", target.pid_text()});
  ASSERT_EQ(tasks_in(stacks, "tick").size(), 1U);
  EXPECT_EQ(tasks_in(stacks, "tick")[0].due().reason(), "no thread runs its io_context (stopped)");
  ASSERT_EQ(tasks_in(stacks, "read").size(), 1U);
  EXPECT_EQ(tasks_in(stacks, "read")[0].due().over(), "1 B has come");
}

TEST(Due, AThreadPoolOfOneThreadIsNotTakenForAnIoContext) {
  const program target({program_path("due"), "pool"});
  wait_until_due(target);
  const auto resting = tasks_in(view<v1::StackView>({"stack", target.pid_text()}), "rest");
  ASSERT_EQ(resting.size(), 1U);
  EXPECT_EQ(resting[0].due().reason(), "no thread runs its thread_pool (stopped)");
}

TEST(Due, GroupsTreeAndReportSaySoToo) {
  const program target({program_path("due"), "stopped"});
  wait_until_due(target);
  const std::string reason = "no thread runs its io_context (stopped)]:";
  EXPECT_THAT(text({"stack", target.pid_text(), "--group"}), HasSubstr(reason));
  EXPECT_THAT(text({"tree", target.pid_text()}), HasSubstr("no thread runs its io_context (stopped)]"));
  const auto report = text({"report", target.pid_text()});
  EXPECT_THAT(report, HasSubstr("! due: 2 tasks (1, 2), the longest for "));
  EXPECT_THAT(report, HasSubstr("evidence: 1 B has come, and no thread runs its io_context (stopped)"));
  EXPECT_THAT(report, HasSubstr(reason));
}

TEST(Due, HandlersThatAreQueuedBehindATaskAreSeen) {
  const program target({program_path("due"), "queued"});
  wait_until_due(target);
  wait_for_age(target);
  const auto stacks = view<v1::StackView>({"stack", target.pid_text()});
  const auto keepers = tasks_in(stacks, "keep_worker");
  const auto posted = tasks_in(stacks, "go_on");
  ASSERT_EQ(keepers.size(), 1U);
  ASSERT_EQ(posted.size(), 3U);
  std::vector<std::string> over;
  for (const auto& task : posted) {
    EXPECT_EQ(task.due().behind_task_id(), keepers[0].id());
    over.push_back(task.due().over());
  }
  EXPECT_THAT(over, UnorderedElementsAre("its handler is queued for a thread",
                                         "its handler is queued for a thread, behind 1 other",
                                         "its handler is queued for a thread, behind 2 others"));
}

TEST(Due, ATaskThatHoldsAStrandIsNamed) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "whose task a queued operation is is told by blocks of glibc's malloc";
#endif
  const program target({program_path("due"), "strand"});
  wait_until_due(target);
  const auto stacks = view<v1::StackView>({"stack", target.pid_text()});
  const auto keepers = tasks_in(stacks, "keep_worker_later");
  const auto resting = tasks_in(stacks, "rest");
  ASSERT_EQ(keepers.size(), 1U);
  ASSERT_EQ(resting.size(), 1U);
  EXPECT_EQ(resting[0].due().over(), "its handler is queued on its strand");
  EXPECT_THAT(resting[0].due().reason(),
              HasSubstr("task " + std::to_string(keepers[0].id()) + " holds its strand, and has run for "));
  // The other worker serves everybody else.
  for (const auto& task : tasks_in(stacks, "tick")) EXPECT_FALSE(task.has_due());
}

TEST(Due, AServerUnderLoadIsHealthy) {
  const program target({program_path("due"), "load"});
  wait_until_shown({"vitals", target.pid_text()}, "\nworkers: 2\n");  // whoever comes last has not run a task yet
  for (int look = 0; look < 20; ++look) {
    const auto seen = view<v1::VitalsView>({"vitals", target.pid_text()});
    EXPECT_EQ(seen.due_size(), 0);
    EXPECT_EQ(seen.workers(), 2U);
    for (const auto& finding : seen.findings()) EXPECT_TRUE(finding.starts_with("busy: ")) << finding;
    const auto stacks = view<v1::StackView>({"stack", target.pid_text()});
    for (const auto& task : stacks.tasks()) EXPECT_FALSE(task.has_due());
  }
  EXPECT_THAT(text({"list"}), Not(HasSubstr(target.pid_text() + "*!")));
}

TEST(Busy, ATaskThatPostsItselfForEverIsNamed) {
  const program target({program_path("due"), "spin"});
  wait_until_shown({"vitals", target.pid_text()}, "! busy: task ");
  const auto stacks = view<v1::StackView>({"stack", target.pid_text()});
  const auto spinning = tasks_in(stacks, "go_on");
  ASSERT_EQ(spinning.size(), 1U);
  const auto seen = view<v1::VitalsView>({"vitals", target.pid_text()});
  ASSERT_EQ(seen.busy_size(), 1) << text({"vitals", target.pid_text()});
  EXPECT_EQ(seen.busy(0).task_id(), spinning[0].id());
  EXPECT_GE(seen.busy(0).resumptions_per_second(), 10'000);
  EXPECT_LE(seen.blocked(), 2U);
  EXPECT_THAT(text({"threads", target.pid_text(), "--no-native"}), HasSubstr("worker "));
  EXPECT_THAT(text({"threads", target.pid_text()}),
              HasSubstr("[worker, resumes task " + std::to_string(spinning[0].id()) + " "));
}

TEST(Busy, TasksThatWaitAreNot) {
  const program target({program_path("due"), "again"});
  wait_for_age(target);
  EXPECT_EQ(view<v1::VitalsView>({"vitals", target.pid_text()}).busy_size(), 0);
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
  wait_until_shown({"stack", "-p", target.pid_text()}, "[pipe read");  // else it may be stopped before any task waits
  target.suspend();
  wait_for_age(target);
  EXPECT_THAT(text({"vitals", target.pid_text()}), Not(HasSubstr("due")));
  target.send_signal(SIGCONT);
}

}  // namespace
}  // namespace tasks::testing

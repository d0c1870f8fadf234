// tasks::leak_check: which tasks belong to which of several checks.

#include <gmock/gmock.h>

#include <barrier>
#include <memory>
#include <set>
#include <thread>

#include "registry/registry.hpp"
#include "support/net.hpp"
#include "tasks/leak_check.hpp"

namespace {

using namespace std::chrono_literals;
using tasks::leak_check;
using testing::HasSubstr;
using testing::Not;

const tasks::leak_options no_wait{.deadline = 0ms};
const tasks::leak_options whole_process{.deadline = 0ms, .whole_process = true};

awaitable<void> alpha(concurrent_channel& c) { co_await c.async_receive(use_awaitable); }
awaitable<void> beta(concurrent_channel& c) { co_await c.async_receive(use_awaitable); }
using body = awaitable<void> (*)(concurrent_channel&);

/// Spawns two that spawn two … that run `last`. All but the last end.
awaitable<void> descendants(concurrent_channel& c, body last, int generations) {
  co_await net::post(use_awaitable);
  for (int i = 0; i < 2; ++i) {
    auto next = generations > 1 ? descendants(c, last, generations - 1) : last(c);
    co_spawn(c.get_executor(), std::move(next), net::detached);
  }
}

struct two_reports {
  tasks::leak_report alpha, beta;
};

/// Two checks on two threads that exist at the same time, each with eight tasks that wait, great-grandchildren of what
/// the thread spawned. `runs`: do the threads of alpha, of beta, and a third one run them?
two_reports check_on_two_threads(std::array<bool, 3> runs) {
  net::io_context context;
  concurrent_channel c(context, 0);
  std::barrier step(3);
  const auto test = [&](body last, bool run, tasks::leak_report& report) {
    leak_check check(no_wait);
    step.arrive_and_wait();  // both checks exist
    co_spawn(context, descendants(c, last, 3), net::detached);
    step.arrive_and_wait();  // both have spawned
    if (run) context.poll();
    step.arrive_and_wait();  // nothing more can run
    report = check.end();
    step.arrive_and_wait();  // both have looked
  };
  two_reports reports;
  std::jthread first(test, alpha, runs[0], std::ref(reports.alpha));
  std::jthread second(test, beta, runs[1], std::ref(reports.beta));
  step.arrive_and_wait();
  step.arrive_and_wait();
  if (runs[2]) context.poll();
  step.arrive_and_wait();
  step.arrive_and_wait();
  first.join();
  second.join();
  return reports;
}

class ParallelChecks : public testing::TestWithParam<std::array<bool, 3>> {};

TEST_P(ParallelChecks, SeeTheirOwnTasksAndNoOthersWhoeverRunsThem) {
  const auto reports = check_on_two_threads(GetParam());
  EXPECT_EQ(reports.alpha.tasks, 8u) << reports.alpha.text;
  EXPECT_THAT(reports.alpha.text, HasSubstr("8 tasks [channel receive]:\n"));
  EXPECT_THAT(reports.alpha.text, Not(HasSubstr("beta(")));
  EXPECT_EQ(reports.beta.tasks, 8u) << reports.beta.text;
  EXPECT_THAT(reports.beta.text, Not(HasSubstr("alpha(")));
}

INSTANTIATE_TEST_SUITE_P(RunByFirst, ParallelChecks, testing::Values(std::array{true, false, false}));
INSTANTIATE_TEST_SUITE_P(RunBySecond, ParallelChecks, testing::Values(std::array{false, true, false}));
INSTANTIATE_TEST_SUITE_P(RunByAThird, ParallelChecks, testing::Values(std::array{false, false, true}));
INSTANTIATE_TEST_SUITE_P(RunByAll, ParallelChecks, testing::Values(std::array{true, true, true}));

TEST(ParallelChecksOften, ThatBeginAndEndAtAnyMomentCountTheirOwnTasks) {
  const auto tests = [](std::size_t leaks) {
    for (int round = 0; round < 200; ++round) {
      net::io_context context;
      concurrent_channel c(context, 0);
      leak_check check(no_wait);
      for (std::size_t i = 0; i < leaks; ++i) co_spawn(context, alpha(c), net::detached);
      co_spawn(
          context, []() -> awaitable<void> { co_await net::post(use_awaitable); }, net::detached);
      context.poll();
      ASSERT_EQ(check.end().tasks, leaks);
    }
  };
  const std::jthread none(tests, 0), one(tests, 1), three(tests, 3);
}

TEST(Claims, AThreadWithoutACheckSpawnsForNobodyButTheWholeProcess) {
  net::io_context context;
  concurrent_channel c(context, 0);
  leak_check whole(whole_process);
  leak_check check(no_wait);
  std::jthread([&] { co_spawn(context, alpha(c), net::detached); }).join();
  EXPECT_EQ(check.end().tasks, 0u);
  EXPECT_EQ(whole.end().tasks, 1u);
}

TEST(Claims, AThreadThatJoinedSpawnsForTheCheckUntilItLeaves) {
  net::io_context context;
  concurrent_channel c(context, 0);
  leak_check check(no_wait);
  std::jthread([&] {
    co_spawn(context, alpha(c), net::detached);
    {
      const leak_check::joined_thread here(check);
      co_spawn(context, beta(c), net::detached);
    }
    co_spawn(context, alpha(c), net::detached);
  }).join();
  EXPECT_EQ(check.end().tasks, 1u);
}

TEST(Claims, AThreadThatFollowsOneThatHasEndedIsAnother) {
  net::io_context context;
  concurrent_channel c(context, 0);
  std::unique_ptr<leak_check> check;
  std::jthread([&] {
    check = std::make_unique<leak_check>(no_wait);
    co_spawn(context, alpha(c), net::detached);
  }).join();
  for (int i = 0; i < 100; ++i) std::jthread([&] { co_spawn(context, beta(c), net::detached); }).join();
  EXPECT_EQ(check->end().tasks, 1u);
}

TEST(Claims, AThreadWhoseCheckHasEndedSpawnsForTheWholeProcess) {
  net::io_context context;
  concurrent_channel c(context, 0);
  { const leak_check check(no_wait); }
  std::unique_ptr<leak_check> whole;
  std::jthread([&] { whole = std::make_unique<leak_check>(whole_process); }).join();
  co_spawn(context, alpha(c), net::detached);
  EXPECT_EQ(whole->end().tasks, 1u);
}

TEST(Claims, OfTwoOfTheWholeProcessTheOlderOneClaimsAgainWhenTheNewerOneHasEnded) {
  net::io_context context;
  concurrent_channel c(context, 0);
  leak_check unrelated(no_wait);
  std::unique_ptr<leak_check> older;
  std::jthread([&] { older = std::make_unique<leak_check>(whole_process); }).join();
  { const leak_check newer(whole_process); }
  std::jthread([&] { co_spawn(context, alpha(c), net::detached); }).join();
  EXPECT_EQ(older->end().tasks, 1u);
  EXPECT_EQ(unrelated.end().tasks, 0u);
}

TEST(Claims, ACallbackSpawnsForTheThreadThatRunsItATaskForTheCheckItBelongsTo) {
  net::io_context context;
  concurrent_channel c(context, 0);
  leak_check first(no_wait);
  co_spawn(context, descendants(c, alpha, 1), net::detached);
  net::post(context, [&] { co_spawn(context, beta(c), net::detached); });
  std::jthread([&] {
    leak_check second(no_wait);
    context.poll();
    const auto report = second.end();
    EXPECT_EQ(report.tasks, 1u) << report.text;
    EXPECT_THAT(report.text, HasSubstr("beta"));
  }).join();
  EXPECT_EQ(first.end().tasks, 2u);
}

TEST(Claims, ATaskOlderThanAnyCheckSpawnsForTheWholeProcessAlone) {
  net::io_context context;
  concurrent_channel c(context, 0);
  co_spawn(context, descendants(c, alpha, 1), net::detached);
  context.run_one();
  leak_check whole(whole_process);
  leak_check check(no_wait);
  context.poll();
  EXPECT_EQ(check.end().tasks, 0u);
  EXPECT_EQ(whole.end().tasks, 2u);
}

TEST(Claims, WhatALeakedTaskSpawnsIsNotLaidToALaterCheck) {
  net::io_context context;
  concurrent_channel c(context, 0);
  {
    leak_check check(no_wait);
    co_spawn(context, descendants(c, alpha, 1), net::detached);
    EXPECT_EQ(check.end().tasks, 1u);
  }
  leak_check later(whole_process);
  context.poll();
  EXPECT_EQ(later.end().tasks, 0u);
}

TEST(Claims, ATaskOnAThreadThatSpawnedBeforeTheCheckIsFound) {
  net::io_context context;
  concurrent_channel c(context, 0);
  std::barrier step(2);
  std::jthread spawner([&] {
    co_spawn(context, alpha(c), net::detached);  // takes many ids at once
    step.arrive_and_wait();
    step.arrive_and_wait();
    co_spawn(context, beta(c), net::detached);
  });
  step.arrive_and_wait();
  leak_check check(whole_process);
  step.arrive_and_wait();
  spawner.join();
  EXPECT_EQ(check.end().tasks, 1u);
}

TEST(NestedChecks, TheOuterOneDoesNotRepeatWhatTheInnerOneReported) {
  net::io_context context;
  concurrent_channel c(context, 0);
  leak_check outer(no_wait);
  co_spawn(context, alpha(c), net::detached);
  leak_check inner(no_wait);
  co_spawn(context, beta(c), net::detached);
  context.poll();
  const auto of_inner = inner.end();
  EXPECT_EQ(of_inner.tasks, 1u) << of_inner.text;
  const auto of_outer = outer.end();
  EXPECT_EQ(of_outer.tasks, 1u) << of_outer.text;
  EXPECT_THAT(of_outer.text, HasSubstr("alpha"));
}

TEST(NestedChecks, TheOuterOneIsAnswerableForWhatTheInnerOneIgnored) {
  net::io_context context;
  concurrent_channel c(context, 0);
  leak_check outer(no_wait);
  {
    leak_check inner({.deadline = 0ms, .ignore_functions = {"descendants", "alpha"}});
    co_spawn(context, descendants(c, alpha, 1), net::detached);
    context.run_one();
    EXPECT_EQ(inner.end().tasks, 0u);
  }
  context.poll();
  EXPECT_EQ(outer.end().tasks, 2u);
}

TEST(NestedChecks, AfterTheInnerOneTheOuterOneClaimsWhatTheThreadSpawns) {
  net::io_context context;
  concurrent_channel c(context, 0);
  leak_check outer(no_wait);
  { const leak_check inner(no_wait); }
  co_spawn(context, alpha(c), net::detached);
  EXPECT_EQ(outer.end().tasks, 1u);
}

TEST(NestedChecks, OneOfTheWholeProcessIsTheOuterOneOfThoseOfOtherThreads) {
  net::io_context context;
  concurrent_channel c(context, 0);
  leak_check whole(whole_process);
  std::jthread([&] {
    leak_check reported(no_wait);
    co_spawn(context, alpha(c), net::detached);
    EXPECT_EQ(reported.end().tasks, 1u);
    leak_check ignored({.deadline = 0ms, .ignore_functions = {"beta"}});
    co_spawn(context, beta(c), net::detached);
    context.poll();
    EXPECT_EQ(ignored.end().tasks, 0u);
  }).join();
  const auto report = whole.end();
  EXPECT_EQ(report.tasks, 1u) << report.text;
  EXPECT_THAT(report.text, HasSubstr("beta"));
}

/// A test that is a coroutine: suspends in the middle, so that another one begins.
awaitable<void> test_in_a_task(concurrent_channel& c, body what, int count, int& finished) {
  leak_check check(no_wait);
  for (int i = 0; i < count; ++i) {
    co_await net::post(use_awaitable);
    co_spawn(c.get_executor(), what(c), net::detached);
  }
  co_await net::post(use_awaitable);
  const auto report = check.end();
  EXPECT_EQ(report.tasks, static_cast<std::uint64_t>(count)) << report.text;
  EXPECT_THAT(report.text, HasSubstr(std::to_string(count) + " tasks [channel receive]:\n"));
  ++finished;
}

TEST(ChecksInTasks, CoroutinesThatTakeTurnsOnOneThreadHaveEachTheirOwn) {
  net::io_context context;
  concurrent_channel c(context, 0);
  leak_check outer(no_wait);
  int finished = 0;
  co_spawn(context, test_in_a_task(c, alpha, 3, finished), net::detached);
  co_spawn(context, test_in_a_task(c, beta, 2, finished), net::detached);
  context.poll();
  EXPECT_EQ(finished, 2);
  EXPECT_EQ(outer.end().tasks, 0u);
}

TEST(ChecksInTasks, ATaskWhoseCheckHasEndedSpawnsForTheWholeProcess) {
  net::io_context context;
  concurrent_channel c(context, 0);
  std::unique_ptr<leak_check> whole;
  co_spawn(
      context,
      [&]() -> awaitable<void> {
        { const leak_check check(no_wait); }
        std::jthread([&] { whole = std::make_unique<leak_check>(whole_process); }).join();
        co_spawn(context, alpha(c), net::detached);
        co_return;
      },
      net::detached);
  context.poll();
  EXPECT_EQ(whole->end().tasks, 1u);
}

TEST(Ids, AreTakenManyAtOnceAgainAfterTheLastCheck) {
  net::io_context context;
  concurrent_channel c(context, 0);
  { const leak_check check(no_wait); }
  const auto& next_id = tasks::detail::ensure_registry()->next_id;
  const auto before = next_id.load();
  for (int i = 0; i < 100; ++i) co_spawn(context, alpha(c), net::detached);
  EXPECT_EQ(next_id.load() - before, tasks::layout::batch_records);
}

TEST(Ids, AreUniqueWhateverChecksBeginAndEnd) {
  net::io_context context;
  concurrent_channel c(context, 0);
  const auto spawn = [&] {
    for (int i = 0; i < 300; ++i) co_spawn(context, alpha(c), net::detached);
  };
  std::jthread other(spawn);
  spawn();
  {
    const leak_check check({.deadline = 0ms, .on_leak = [](const auto&) {}});
    spawn();
  }
  spawn();
  other.join();
  const auto ids = tasks::current_tasks();
  EXPECT_EQ(ids.size(), 1200u);
  EXPECT_EQ(std::set(ids.begin(), ids.end()).size(), 1200u);
}

}  // namespace

// io_contexts whose run() goes on though nothing pends: told where it is so, and not where anything may come.

#include <gmock/gmock.h>

#include <signal.h>

#include <chrono>
#include <stdexcept>
#include <string>

#include "support/program.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::SizeIs;

/// Once its threads have gone to sleep in run(), and where its task has ended.
v1::VitalsView when_idle(const program& target, std::uint32_t threads) {
  for (const auto begin = std::chrono::steady_clock::now(); std::chrono::steady_clock::now() - begin < guard;) {
    auto seen = view<v1::VitalsView>({"vitals", target.pid_text()});
    if (seen.idle_contexts_size() == 1 && seen.idle_contexts(0).threads() == threads) return seen;
  }
  throw std::runtime_error("nothing is called idle: " + text({"vitals", target.pid_text()}));
}

TEST(Idle, AContextThatAGuardKeepsIsToldWithItsThreads) {
  const program target({program_path("idle"), "joined"});
  const auto seen = when_idle(target, 2);
  const auto& context = seen.idle_contexts(0);
  EXPECT_EQ(context.guards(), 1U);
  EXPECT_EQ(context.tasks(), 0U);
  EXPECT_EQ(context.other_threads(), 0U);
  ASSERT_THAT(seen.findings(), SizeIs(1));
  EXPECT_THAT(
      seen.findings(0),
      MatchesRegex("idle: io_context 0x[0-9a-f]+: 0 operations, 1 work guard \\(or an executor that is kept\\), "
                   "2 threads in run\\(\\): no thread is left that could give it work; run\\(\\) returns when the "
                   "guard is reset, or by stop\\(\\)"));
  EXPECT_THAT(text({"vitals", target.pid_text()}), HasSubstr("! idle: io_context " + context.address()));
  // As memory is read by whoever asks nobody.
  EXPECT_THAT(text({"vitals", target.pid_text(), "--direct"}), HasSubstr("! idle: io_context " + context.address()));
}

TEST(Idle, AThreadThatMayGiveItWorkMakesItNothingWrong) {
  const program target({program_path("idle"), "open"});
  const auto seen = when_idle(target, 2);
  EXPECT_EQ(seen.idle_contexts(0).other_threads(), 1U);
  EXPECT_THAT(seen.findings(), IsEmpty());
  ASSERT_THAT(seen.notes(), SizeIs(1));
  EXPECT_THAT(seen.notes(0),
              HasSubstr("2 threads in run(): only another thread, or a signal handler, can give it work"));
  EXPECT_THAT(text({"vitals", target.pid_text()}), AllOf(HasSubstr("\nidle: io_context "), Not(HasSubstr("!"))));
}

TEST(Idle, AThreadThatWaitsForATimeOrASignalHandlerMayGiveItWork) {
  for (const auto* how : {"timed", "handler"}) {
    const program target({program_path("idle"), how});
    const auto seen = when_idle(target, 2);
    EXPECT_EQ(seen.idle_contexts(0).other_threads(), 1U) << how;
    EXPECT_THAT(seen.findings(), IsEmpty()) << how;
    EXPECT_THAT(seen.notes(), SizeIs(1)) << how;
  }
}

TEST(Idle, AContextForOneThreadIsNotTakenForAPoolBesideIt) {
  const program target({program_path("idle"), "one"});
  const auto seen = when_idle(target, 1);
  EXPECT_THAT(seen.findings(), SizeIs(1));
}

TEST(Idle, TasksOnChannelsAreCountedAndNotTakenForGuards) {
  const program target({program_path("idle"), "waits"});
  const auto seen = when_idle(target, 2);
  EXPECT_EQ(seen.idle_contexts(0).tasks(), 1U);
  EXPECT_FALSE(seen.idle_contexts(0).has_guards());
  ASSERT_THAT(seen.findings(), SizeIs(1));
  EXPECT_THAT(seen.findings(0), HasSubstr(": 0 operations, 1 task that waits on its channels, 2 threads in run()"));
  EXPECT_THAT(seen.findings(0), Not(HasSubstr("guard")));
  EXPECT_THAT(text({"why", target.pid_text(), "1"}),
              HasSubstr("nothing else pends there, nor in any other that a thread runs: io_context " +
                        seen.idle_contexts(0).address() + ": 0 operations, "));
}

TEST(Idle, AResolversThreadIsNone) {
  const program target({program_path("idle"), "resolved"});
  const auto seen = when_idle(target, 2);
  EXPECT_EQ(seen.idle_contexts(0).guards(), 1U);
  EXPECT_EQ(seen.idle_contexts(0).other_threads(), 0U);
}

TEST(Idle, WhateverPendsOrRunsMakesAContextBusy) {
  for (const auto* how : {"pool", "timer", "accept", "signal", "other", "runs"}) {
    const program target({program_path("idle"), how});
    for (int look = 0; look < 5; ++look) {
      const auto seen = view<v1::VitalsView>({"vitals", target.pid_text()});
      EXPECT_EQ(seen.idle_contexts_size(), 0) << how << ": " << text({"vitals", target.pid_text()});
      EXPECT_THAT(seen.findings(), IsEmpty()) << how;
    }
  }
}

TEST(Idle, AStoppedProcessIsNotBlamed) {
  const program target({program_path("idle"), "joined"});
  static_cast<void>(when_idle(target, 2));
  target.suspend();
  EXPECT_EQ(view<v1::VitalsView>({"vitals", target.pid_text()}).idle_contexts_size(), 0);
  target.send_signal(SIGCONT);
}

}  // namespace
}  // namespace tasks::testing

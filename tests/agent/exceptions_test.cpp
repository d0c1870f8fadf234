// tasks::exceptions and TASKS_EXCEPTIONS=1: the chain of exceptions of code that nobody has changed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/program.hpp"

namespace {

using tasks::testing::ending;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

std::string thrown(std::string_view way, std::string_view name = "thrown", bool on = true) {
  const auto said = tasks::testing::run({tasks::testing::program_path(name), std::string(way)},
                                        {on ? "TASKS_EXCEPTIONS=1" : "TASKS_EXCEPTIONS", "TASKS_DUMP"});
  EXPECT_EQ(said.end, (ending{0, 0})) << said.err;
  EXPECT_EQ(said.err, "");
  return said.out;
}

// Where it was thrown, then who awaited that.
const std::string of_session =
    "task [0-9]+:\n"
    "(decode[^\n]*\n\t[^\n]*\n)?"
    "[^\n]*reads_frame\\(\\)\n\tafter /[^\n]*thrown.cpp:[0-9]+\n"
    "[^\n]*session\\(\\)\n\t/[^\n]*thrown.cpp:[0-9]+\n";

// The await that failed, at its line.
const std::string of_read =
    "task [0-9]+:\n"
    "[^\n]*reads\\([^\n]*\n\t/[^\n]*thrown.cpp:[0-9]+\n"
    "[^\n]*talks\\([^\n]*\n\t/[^\n]*thrown.cpp:[0-9]+\n"
    "[^\n]*catches\\([^\n]*\n\t/[^\n]*thrown.cpp:[0-9]+\n"
    "spawned in main\\(\\)\nend\n";

void asios_are_told(std::string_view program) {
  EXPECT_THAT(thrown("asio", program), ContainsRegex("by reference: " + of_read + "current: " + of_read));
}

TEST(Exceptions, OfAsioItselfAreToldWithTheAwaitThatFailed) { asios_are_told("thrown"); }

TEST(Exceptions, OfAClassWithoutATypeAreTold) {
  EXPECT_THAT(thrown("untyped"), ContainsRegex("untyped: task [0-9]+:\n(.|\n)*throws_untyped\\(\\)\n(.|\n)*end\n"));
  EXPECT_EQ(thrown("untyped", "thrown", false), "untyped: no task is known\nend\n");
}

TEST(Exceptions, AreToldToTheTaskThatAwaitsTheOneThatThrew) {
  EXPECT_THAT(thrown("task"), ContainsRegex("of a task: " + of_session +
                                            "awaited by task [0-9]+:\n"
                                            "[^\n]*awaits_a_task\\(\\)\n\t/[^\n]*\nspawned in main\\(\\)\nend\n"));
}

TEST(Exceptions, AreToldToTheHandlerOfATaskThatIsGone) {
  EXPECT_THAT(thrown("handler"), ContainsRegex("in the handler: " + of_session + "spawned in main\\(\\)\nend\n"));
}

TEST(Exceptions, KeepTheirFirstStackAndNestedOnesTheirOwn) {
  const auto said = thrown("nested");
  EXPECT_THAT(said, ContainsRegex("inner: " + of_session + "[^\n]*throws_again\\(\\)\n"));
  EXPECT_THAT(said, ContainsRegex("outer: task [0-9]+:\n([^\n]*\n\t0x[^\n]*\n)?[^\n]*nests\\(\\)\n\tafter "));
}

TEST(Exceptions, LeaveNothingBehindWhenTheyAreDestroyed) {
  EXPECT_EQ(thrown("often"), "with a stack: 5000, alive: 0\n");
}

TEST(Exceptions, BeyondTheRoomForThemHaveNoStackAndAreDestroyedAllTheSame) {
  EXPECT_EQ(thrown("kept"), "first: some, alive: 3000\nof other addresses: some, alive: 3000\nalive: 0\n");
}

TEST(Exceptions, AreSharedByThreads) { EXPECT_EQ(thrown("shared"), "the same: 2000\n"); }

TEST(Exceptions, OfNoTaskHaveNone) {
  EXPECT_EQ(thrown("outside"), "outside: no task is known\nend\nhere: outside of any task\nend\n");
  EXPECT_EQ(thrown("made"), "never thrown: no task is known\nend\n");
}

TEST(Exceptions, WithoutTheEnvironmentHaveNone) {
  EXPECT_EQ(thrown("often", "thrown", false), "with a stack: 0, alive: 0\n");
  EXPECT_EQ(thrown("handler", "thrown", false), "in the handler: no task is known\nend\n");
}

TEST(Exceptions, OfAThreadThatALibrarysConstructorAwaitsDoNotWaitForTheLoader) {
  EXPECT_EQ(thrown("", "loads_what_throws"), "loaded\n");
  EXPECT_EQ(thrown("", "loads_what_throws", false), "loaded\n");
}

TEST(Exceptions, OfBoostAreToldToo) {
#if defined(TASKS_TEST_BOOST)
  asios_are_told("thrown_boost");
#else
  GTEST_SKIP() << "not built";
#endif
}

TEST(Exceptions, OfAStaticProgramAreToldWhereThrowsAreWrapped) {
#if defined(TASKS_TEST_STATIC)
  asios_are_told("thrown_static");
  EXPECT_THAT(thrown("handler", "thrown_static"), ContainsRegex("in the handler: " + of_session));
#else
  GTEST_SKIP() << "not built";
#endif
}

TEST(Exceptions, OfAStaticProgramAreElseToldOnceACoroutineHasBeenLeft) {
#if defined(TASKS_TEST_STATIC)
  EXPECT_THAT(thrown("handler", "thrown_static_unwrapped"), ContainsRegex("in the handler: " + of_session));
  EXPECT_EQ(thrown("often", "thrown_static_unwrapped"), "with a stack: 0, alive: 0\n");
#else
  GTEST_SKIP() << "not built";
#endif
}

}  // namespace

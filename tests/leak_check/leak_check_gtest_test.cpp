// tasks/gtest.hpp: a leak fails the test, from each of its checks, and nothing else does.

#include <gmock/gmock.h>
#include <signal.h>

#include "support/program.hpp"

namespace tasks::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string listening = "0";
constexpr auto passes = 0, fails = 1;

/// Runs one test of tests/programs/leak_check_tests.cpp.
outcome run_test(std::string_view name, const std::string& listen = {}) {
  std::vector<std::string> command{program_path("leak_check_tests"), "--gtest_filter=" + std::string(name)};
  if (!listen.empty()) command.push_back(listen);
  auto seen = run(command);
  EXPECT_THAT(seen.out, HasSubstr("Running 1 test ")) << name;
  return seen;
}

auto reports_one_leak() {
  return AllOf(
      ContainsRegex("1 task has not ended within 0 ms\n\n1 task \\[channel send\\]:\n.*ask.*\n\t.*leak_check_tests"),
      Not(ContainsRegex("1 task has(.|\n)*1 task has")));
}

TEST(LeakListener, FailsATestThatLeaks) {
  const auto seen = run_test("Plain.Leaks", listening);
  EXPECT_EQ(seen.end.code, fails);
  EXPECT_THAT(seen.out, reports_one_leak());
  EXPECT_THAT(seen.out, HasSubstr("[  FAILED  ] Plain.Leaks"));
  EXPECT_THAT(seen.out, ContainsRegex("leak_check_tests.cpp:[0-9]+: Failure\n"));
}

TEST(LeakListener, LetsACleanTestPass) { EXPECT_EQ(run_test("Plain.IsClean", listening).end.code, passes); }

TEST(LeakListener, OnlyItMakesTheDifference) { EXPECT_EQ(run_test("Plain.Leaks").end.code, passes); }

TEST(LeakListener, DoesNotAddToAFailure) {
  const auto seen = run_test("Plain.LeaksAfterAFailure", "3600");
  EXPECT_EQ(seen.end.code, fails);
  EXPECT_THAT(seen.out, Not(HasSubstr("has not ended")));
}

TEST(LeakListener, LetsAPlainCheckFailTheTestRatherThanAbort) {
  const auto seen = run_test("Plain.LeaksUnderACheckOfItsOwn", listening);
  EXPECT_EQ(seen.end.code, fails);
  EXPECT_THAT(seen.out, reports_one_leak());
}

TEST(LeakCheck, AbortsWhereNobodySetAHandler) {
  const auto seen = run_test("Plain.LeaksUnderACheckOfItsOwn");
  EXPECT_EQ(seen.end.signal, SIGABRT);
  EXPECT_THAT(seen.err, reports_one_leak());
}

TEST(LeakListener, FailsASuiteThatLeavesTasksBehindNotItsTests) {
  const auto seen = run_test("LeakingSuite.UsesIt", listening);
  EXPECT_EQ(seen.end.code, fails);
  EXPECT_THAT(seen.out, HasSubstr("[       OK ] LeakingSuite.UsesIt"));
  EXPECT_THAT(seen.out, ContainsRegex("1 task \\[channel receive\\]:\n.*listen"));
  EXPECT_EQ(run_test("CleanSuite.UsesIt", listening).end.code, passes);
}

TEST(LeakFreeTest, FailsWhenItLeaks) {
  const auto seen = run_test("Fixture.Leaks");
  EXPECT_EQ(seen.end.code, fails);
  EXPECT_THAT(seen.out, reports_one_leak());
}

TEST(LeakFreeTest, IsReportedOnceUnderAListener) {
  EXPECT_THAT(run_test("Fixture.Leaks", listening).out, reports_one_leak());
}

TEST(LeakFreeTest, DoesNotAddToAFailure) {
  const auto seen = run_test("Fixture.LeaksAfterAFailure");
  EXPECT_EQ(seen.end.code, fails);
  EXPECT_THAT(seen.out, Not(HasSubstr("has not ended")));
}

TEST(LeakFreeTest, LetsACleanTestPass) { EXPECT_EQ(run_test("Fixture.IsClean").end.code, passes); }
TEST(LeakFreeTest, WaitsForATaskThatEndsLater) { EXPECT_EQ(run_test("Fixture.EndsLater").end.code, passes); }
TEST(LeakFreeTest, ExcusesWhatItIsToldTo) { EXPECT_EQ(run_test("Fixture.ExcusesWhatIsThere").end.code, passes); }

TEST(LeakCheckOfGtest, FailsATestThatLeaks) {
  const auto seen = run_test("Check.Leaks");
  EXPECT_EQ(seen.end.code, fails);
  EXPECT_THAT(seen.out, reports_one_leak());
  EXPECT_EQ(run_test("Check.IsClean").end.code, passes);
}

TEST(NoLeaks, IsAnAssertionWithTheReport) {
  const auto seen = run_test("Assertion.Leaks");
  EXPECT_EQ(seen.end.code, fails);
  EXPECT_THAT(seen.out, reports_one_leak());
  EXPECT_EQ(run_test("Assertion.IsClean").end.code, passes);
}

}  // namespace
}  // namespace tasks::testing

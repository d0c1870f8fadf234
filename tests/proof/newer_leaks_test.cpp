// The programs of tests/programs/leaks that are one executable, compiled with a newer Asio: what is found and proven of
// them, and of their fixed forms.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "leak_table.hpp"

namespace tasks::testing {
namespace {

std::vector<std::string> programs() {
  std::vector<std::string> found;
  std::istringstream list(TASKS_NEWER_LEAK_PROGRAMS);
  for (std::string item; std::getline(list, item, ',');) found.push_back("leak_" + item);
  return found;
}

class NewerLeaks : public ::testing::TestWithParam<std::string> {};

TEST_P(NewerLeaks, AreFound) {
  const auto seen = look_at({"newer/" + GetParam(), "leaking"});
  EXPECT_GT(seen.said.leaked, 0);
  EXPECT_EQ(seen.found, seen.said.leaked);
  EXPECT_LE(seen.proven, seen.said.leaked);
  // A proof may be missing, as a word that is stale may hold anything, but where there is one it is told.
  if (seen.flagged != 0 || seen.proven != 0) {
    EXPECT_EQ(seen.exit_code, 3);
  }
}

TEST_P(NewerLeaks, AreNotSeenWhereThereAreNone) {
  const auto seen = look_at({"newer/" + GetParam(), "fixed"});
  EXPECT_EQ(seen.proven, 0);
  EXPECT_EQ(seen.growing, 0);
  EXPECT_EQ(seen.exit_code, 0);
}

INSTANTIATE_TEST_SUITE_P(All, NewerLeaks, ::testing::ValuesIn(programs()),
                         [](const auto& parameter) { return parameter.param; });

TEST(NewerLeaksTogether, AreMostlyProven) {
  int leaked = 0, proven = 0;
  for (const auto& each : programs()) {
    const auto seen = look_at({"newer/" + each, "leaking"});
    if (seen.said.verdict != "proven") continue;
    leaked += seen.said.leaked;
    proven += seen.proven;
  }
  EXPECT_GE(proven * 100, leaked * 60) << proven << " of " << leaked;
}

}  // namespace
}  // namespace tasks::testing

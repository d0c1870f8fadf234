// Of one program, built in several ways, each view says the same: programs/built.cpp.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "support/program.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

std::vector<std::string> ways() {
  std::vector<std::string> all;
  std::istringstream list(TASKS_TEST_BUILDS);
  for (std::string item; std::getline(list, item, ',');) all.push_back(item);
  return all;
}

/// What `tasks VIEW` prints of the program, without what differs from run to run.
std::string said(const std::string& view, const std::string& name) {
  const program target({program_path(name)});
  const auto seen = run({tasks_executable(), view, target.pid_text()});
  static const std::regex differs("0x[0-9a-f]+|-p [0-9]+|<1s|[0-9]+m[0-9]+s|[0-9.]+ (KiB|B|ms)|[0-9.]+s\\b");
  return std::to_string(seen.end.code) + seen.err + std::regex_replace(seen.out, differs, "_");
}

class Builds : public ::testing::TestWithParam<std::string> {};

TEST_P(Builds, HaveTheSameStacks) { EXPECT_EQ(said("stack", GetParam()), said("stack", "built")); }
TEST_P(Builds, HaveTheSameLeaks) { EXPECT_EQ(said("leaks", GetParam()), said("leaks", "built")); }

TEST_P(Builds, AreListed) {
  const program target({program_path(GetParam())});
  const auto list = view<v1::ListView>({"list"});
  const auto listed = std::find_if(list.processes().begin(), list.processes().end(),
                                   [&](const auto& each) { return static_cast<pid_t>(each.pid()) == target.pid(); });
  ASSERT_NE(listed, list.processes().end());
  EXPECT_EQ(listed->agent(), v1::ProcessView::ANSWERED);
  EXPECT_EQ(listed->tasks(), 4u);
  EXPECT_EQ(listed->blocked(), 4u);
}

INSTANTIATE_TEST_SUITE_P(Ways, Builds, ::testing::ValuesIn(ways()), [](const auto& way) { return way.param; });

}  // namespace
}  // namespace tasks::testing

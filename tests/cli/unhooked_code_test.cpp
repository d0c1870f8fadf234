// A program of which one source was compiled without the hook is told from those that are hooked throughout:
// programs/mixed.cpp.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/program.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto word = "coroutines compiled without the hook";
constexpr auto whole =
    "! this program also holds coroutines compiled without the hook (1 function, e.g. "
    "legacy::relays(std::function<awaitable<void>()>)): link tasks::asio, or tasks::boost_asio, to the target "
    "that compiles them\n";

/// What a view says of a program, whatever its exit code.
std::string said(const std::string& view, const char* name) {
  const program target({program_path(name)});
  return run({tasks_executable(), view, target.pid_text()}).out;
}

class UnhookedCode : public ::testing::TestWithParam<const char*> {};

TEST_P(UnhookedCode, IsNamedWhereItIsBesideHookedCode) { EXPECT_THAT(said(GetParam(), "mixed"), HasSubstr(whole)); }

TEST_P(UnhookedCode, IsNotSeenWhereAllIsHooked) {
  for (const char* name : {"mixed_hooked", "lab"}) EXPECT_THAT(said(GetParam(), name), Not(HasSubstr(word))) << name;
}

TEST_P(UnhookedCode, IsNoMixtureWhereNothingIsHooked) {
  for (const char* name : {"lab_plain", "lab_agent"}) EXPECT_THAT(said(GetParam(), name), Not(HasSubstr(word))) << name;
}

INSTANTIATE_TEST_SUITE_P(Told, UnhookedCode, ::testing::Values("vitals", "stack", "leaks"),
                         [](const auto& view) { return std::string(view.param); });

TEST(UnhookedCodeInJson, IsAFinding) {
  const program target({program_path("mixed")});
  const auto vitals = view<v1::VitalsView>({"vitals", target.pid_text()});
  ASSERT_EQ(vitals.findings_size(), 1);
  EXPECT_THAT(vitals.findings(0), HasSubstr(word));
}

}  // namespace
}  // namespace tasks::testing

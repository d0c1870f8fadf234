// Tasks that ended by an exception: programs/failures.cpp.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/program.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

using ::testing::ContainsRegex;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class Failures : public ::testing::TestWithParam<const char*> {
 protected:
  [[nodiscard]] std::vector<std::string> vitals() const {
    std::vector<std::string> command{"vitals", target_.pid_text()};
    if (*GetParam() != 0) command.emplace_back(GetParam());
    return command;
  }
  program target_{{program_path("failures")}};
};

TEST_P(Failures, AreToldWithPlaceTypeAndText) {
  const auto shown = text(vitals());
  EXPECT_THAT(shown, HasSubstr("ended by an exception: 4 of 8 tasks that ended; 1 more by a cancelled operation\n"));
  EXPECT_THAT(shown, ContainsRegex("\n  consumes\\(.*\\) failures.cpp:[0-9]+, std::invalid_argument: bad line, .* ago"
                                   ", spawned at main\\(\\) failures.cpp:[0-9]+\n"));
  EXPECT_THAT(shown, ContainsRegex("\n  3 × throws_a_number\\(\\) failures.cpp:[0-9]+, int, .* ago"));
  EXPECT_THAT(shown, Not(HasSubstr("inner()")));
  EXPECT_THAT(shown, Not(HasSubstr("is_awaited()")));
}

TEST_P(Failures, DoNotKeepApartWhatIsBlockedAlike) {
  EXPECT_THAT(text(vitals()), ContainsRegex("blocked on channels: 2\n  2 × channel send, "));
}

TEST_P(Failures, HaveTheirNumbersInJson) {
  const auto seen = view<v1::VitalsView>(vitals());
  EXPECT_EQ(seen.ended_tasks(), 8u);
  EXPECT_EQ(seen.failed_tasks(), 4u);
  EXPECT_EQ(seen.cancelled_tasks(), 1u);
  ASSERT_EQ(seen.failures_size(), 2);
  for (const auto& failure : seen.failures()) {
    const bool number = failure.type() == "int";
    EXPECT_EQ(failure.count(), number ? 3u : 1u);
    EXPECT_EQ(failure.message(), number ? "" : "bad line");
    EXPECT_THAT(failure.frame().file(), EndsWith("failures.cpp"));
    EXPECT_GT(failure.task_id(), 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(Of, Failures, ::testing::Values("", "--direct"),
                         [](const auto& chosen) { return *chosen.param == 0 ? "TheAgent" : "Memory"; });

}  // namespace
}  // namespace tasks::testing

// When timers expire, as the clock tells that they go by; and where no reader knows that clock, which one it is.

#include <gmock/gmock.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "support/program.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

class Timers : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { stacks_ = view<v1::StackView>({"stack", "-p", target_.pid_text()}); }

  [[nodiscard]] v1::TaskView task_in(std::string_view function) const {
    const auto found = tasks_in(stacks_, function);
    if (found.size() != 1) throw std::runtime_error("no task is in " + std::string(function));
    return found.front();
  }
  [[nodiscard]] v1::WaitView wait_in(std::string_view function) const { return task_in(function).wait(); }
  /// What stands in brackets: "timer, 2s, expires in 59m58s".
  [[nodiscard]] std::string state_in(std::string_view function) const {
    const auto id = std::to_string(task_in(function).id());
    const auto shown = text({"stack", "-p", target_.pid_text(), "--task", id});
    const auto begin = shown.find('[') + 1;
    return shown.substr(begin, shown.find(']') - begin);
  }
  [[nodiscard]] std::string why(std::string_view function) const {
    return text({"why", "-p", target_.pid_text(), std::to_string(task_in(function).id()), "--no-prove"});
  }

  program target_{{program_path(GetParam())}};
  v1::StackView stacks_;
};
std::vector<std::string> programs() {
#if defined(TASKS_TEST_BOOST)
  return {"timers", "timers_boost"};
#else
  return {"timers"};
#endif
}
INSTANTIATE_TEST_SUITE_P(Of, Timers, ::testing::ValuesIn(programs()));

TEST_P(Timers, OfTheKernelsClocksTellWhenTheyExpire) {
  for (const auto* function : {"steady_hour", "system_hour", "fine_hour"}) {
    EXPECT_THAT(state_in(function), MatchesRegex("timer, [^,]*, expires in (59m[0-9]*s?|1h)")) << function;
    EXPECT_NEAR(wait_in(function).expires_in_seconds(), 3600, 3600) << function;
    EXPECT_TRUE(wait_in(function).has_never_expires());
    EXPECT_FALSE(wait_in(function).never_expires()) << function;
    EXPECT_EQ(wait_in(function).clock(), "") << function;
  }
}

TEST_P(Timers, ThatNeverExpireSaySoWhateverTheirClock) {
  for (const auto* function : {"steady_for_ever", "system_for_ever", "tide_for_ever"}) {
    EXPECT_THAT(state_in(function), MatchesRegex("timer, [^,]*, never expires")) << function;
    EXPECT_TRUE(wait_in(function).never_expires()) << function;
    EXPECT_FALSE(wait_in(function).has_expires_in_seconds()) << function;
    EXPECT_THAT(why(function), HasSubstr(", which never expires\n")) << function;
  }
}

TEST_P(Timers, OfAClockThatNoReaderKnowsNameIt) {
  for (const std::string clock : {"tide", "replay"}) {
    const auto function = clock + "_hour";
    EXPECT_THAT(state_in(function), MatchesRegex("timer, [^,]*, expiry not known \\(clock shore::" + clock + "\\)"));
    EXPECT_EQ(wait_in(function).clock(), "shore::" + clock);
    EXPECT_FALSE(wait_in(function).has_expires_in_seconds());
    EXPECT_FALSE(wait_in(function).has_never_expires());
    EXPECT_THAT(why(function), HasSubstr(", whose expiry is not known (clock shore::" + clock + ")\n"));
  }
}

#if defined(TASKS_TEST_BOOST)

class Calendar : public Timers {};
INSTANTIATE_TEST_SUITE_P(Of, Calendar, ::testing::Values("timers_boost"));

TEST_P(Calendar, TimersNameItOrNeverExpire) {
  EXPECT_THAT(state_in("calendar_hour"), HasSubstr(", expiry not known (clock boost::posix_time::ptime)"));
  EXPECT_THAT(state_in("calendar_for_ever"), HasSubstr(", never expires"));
  EXPECT_THAT(why("calendar_for_ever"), Not(HasSubstr("not known")));
}

#endif

}  // namespace
}  // namespace tasks::testing

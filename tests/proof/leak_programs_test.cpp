// The programs that leak are themselves tested: what they say of their tasks is what there is.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iterator>
#include <map>
#include <sstream>
#include <string>

#include "support/leak_case.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

using ::testing::AnyOf;

class LeakProgram : public ::testing::TestWithParam<leak_case> {};

/// Checks what `tasks stack` shows of it, one by one and grouped, against what it said.
void expect_as_said(leak_program& target) {
  const leak_claims& said = target.said();
  const auto stacks = view<v1::StackView>({"stack", "-p", target.process().pid_text()});
  const auto grouped = view<v1::StackView>({"stack", "-p", target.process().pid_text(), "--group"});
  EXPECT_TRUE(stacks.complete());
  EXPECT_EQ(stacks.tasks_size(), said.tasks);
  std::uint64_t in_groups = 0;
  for (const v1::GroupView& group : grouped.groups()) in_groups += group.count();
  EXPECT_EQ(in_groups, static_cast<unsigned>(said.tasks));

  int leaked = 0;
  for (const auto& [function, count] : said.where) {
    const auto found = tasks_in(stacks, function);
    EXPECT_EQ(found.size(), static_cast<unsigned>(count)) << function;
    for (const v1::TaskView& task : found) {
      EXPECT_EQ(task.state(), said.verdict == "stalled" ? v1::Task::RUNNING : v1::Task::BLOCKED) << function;
    }
    leaked += count;
  }
  EXPECT_EQ(leaked, said.leaked);
}

TEST_P(LeakProgram, HasTheTasksThatItSays) {
  leak_program target(GetParam());
  EXPECT_THAT(target.said().verdict, AnyOf("proven", "growing", "stalled", "old", "none"));
  EXPECT_EQ(target.said().leaked > 0, GetParam().form == "leaking");
  EXPECT_EQ(target.said().verdict != "none", GetParam().form == "leaking");
  expect_as_said(target);
  EXPECT_EQ(target.process().stop(), (ending{0, 0}));
}

/// A leak leaks as much again; healthy tasks are woken through what holds them, and end.
TEST_P(LeakProgram, HasTheTasksThatItSaysTheSecondTime) {
  leak_program target(GetParam());
  const leak_claims first = target.said();
  target.again();
  EXPECT_EQ(target.said().leaked, 2 * first.leaked);
  EXPECT_EQ(target.said().tasks, 2 * first.leaked);
  expect_as_said(target);
  EXPECT_EQ(target.process().stop(), (ending{0, 0}));
}

INSTANTIATE_TEST_SUITE_P(All, LeakProgram, ::testing::ValuesIn(leak_cases()),
                         [](const auto& parameter) { return parameter.param.name(); });

TEST(LeakPrograms, EveryFormOfThemIsACase) {
  std::map<std::string, std::vector<std::string>> forms;
  for (const leak_case& each : leak_cases()) forms[each.program].push_back(each.form);
  for (auto& [name, known] : forms) {
    std::istringstream listed(run({program_path(name)}).out);
    std::vector<std::string> said{std::istream_iterator<std::string>(listed), {}};
    EXPECT_THAT(known, ::testing::UnorderedElementsAreArray(said)) << name;
  }
}

}  // namespace
}  // namespace tasks::testing

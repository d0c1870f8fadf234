// What only a terminal gets: colour, columns, and lines that fit.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/golden.hpp"
#include "support/lab_script.hpp"
#include "support/pty.hpp"

namespace tasks::testing {
namespace {

constexpr const char* plain_terminal[] = {"TERM=xterm", "NO_COLOR"};

std::string on_terminal(std::vector<std::string> words, const fake_agent& target, unsigned columns, environment env) {
  words.insert(words.begin(), tasks_executable());
  const auto seen = run_on_terminal(words, columns, env);
  EXPECT_EQ(seen.end.code, 0) << seen.out;
  return normalized(seen.out, target.pid_text());
}

environment colored() { return {plain_terminal[0], plain_terminal[1]}; }
environment uncolored() { return {"TERM=xterm", "NO_COLOR=1"}; }

TEST(Terminal, GetsColumns) {
  const fake_agent lab(lab_script());
  expect_golden("vitals_terminal.txt", on_terminal({"vitals", lab.pid_text()}, lab, 100, uncolored()));
}

TEST(Terminal, GetsLinesThatFit) {
  auto script = lab_script();
  *script.channel_groups[0].mutable_locations(1) = make_location(
      2, "awaitable<void> a_function_with_a_long_name_that_does_not_fit(std::shared_ptr<channel_of_orders>)",
      "/src/lab/pool.cpp", 31);
  const fake_agent lab(script);
  const auto text = on_terminal({"vitals", lab.pid_text()}, lab, 70, uncolored());
  expect_golden("vitals_narrow.txt", text);
}

TEST(Terminal, GetsColour) {
  const fake_agent lab(lab_script());
  const auto text = on_terminal({"stack", lab.pid_text()}, lab, 100, colored());
  EXPECT_NE(text.find("\033[1mtask 1 [blocked: tasks, 3h12m]:\033[0m\n"), std::string::npos) << text;
}

TEST(Terminal, GetsNoColourWhereTheEnvironmentSaysSo) {
  const fake_agent lab(lab_script());
  for (const auto& env : {environment{"TERM=xterm", "NO_COLOR=1"}, environment{"TERM=dumb", "NO_COLOR"}}) {
    EXPECT_EQ(on_terminal({"stack", lab.pid_text()}, lab, 100, env).find('\033'), std::string::npos);
  }
}

TEST(Terminal, IsNotDrivenByATasksName) {
  auto script = lab_script();
  script.stacks[1].mutable_tasks(0)->set_name("evil\033]0;title\007");
  const fake_agent lab(script);
  const auto text = on_terminal({"stack", lab.pid_text()}, lab, 100, uncolored());
  EXPECT_EQ(text.find('\033'), std::string::npos) << text;
  EXPECT_NE(text.find("task 1 \"evil?]0;title?\""), std::string::npos) << text;
}

TEST(Terminal, GetsALineThatSaysWhatTakesSoLongAndIsGoneBeforeAnythingElse) {
  fake_agent::script silent;
  silent.how = fake_agent::manner::greets_only;
  fake_agent lab(silent);
  std::string seen;
  const auto end = run_on_terminal({tasks_executable(), "stack", lab.pid_text(), "--timeout", "3600"}, 80, uncolored(),
                                   [&](const std::string& so_far) {
                                     seen = so_far;
                                     if (so_far.find("looking: read 0 tasks, ") != so_far.npos) lab.kill();
                                   });
  EXPECT_THAT(seen, ::testing::StartsWith("\rlooking: read 0 tasks, "));
  EXPECT_NE(seen.find("\033[K\r\033[Ktasks: "), seen.npos) << seen;
  EXPECT_THAT(end.out, ::testing::StartsWith("tasks: "));
}

TEST(Watch, PrintsAgainUntilItsReaderLeaves) {
  const fake_agent lab(lab_script());
  const auto seen =
      run({"bash", "-c", tasks_executable() + " vitals " + lab.pid_text() + " --watch 0.02 | head -n 19"});
  const std::string first_lines = "tasks: 14\nOS threads: 9\n";
  const auto first = seen.out.find(first_lines);
  EXPECT_EQ(first, 0u) << seen.out;
  EXPECT_NE(seen.out.find("\n\n" + first_lines, 1), std::string::npos) << seen.out;
}

}  // namespace
}  // namespace tasks::testing

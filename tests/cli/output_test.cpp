// What each view prints, held against files in golden/.

#include <gtest/gtest.h>

#include <sstream>

#include "support/golden.hpp"
#include "support/lab_script.hpp"
#include "support/program.hpp"

namespace tasks::testing {
namespace {

outcome tasks_command(std::vector<std::string> words) {
  words.insert(words.begin(), tasks_executable());
  return run(words);
}

std::string output_of(std::vector<std::string> words, const fake_agent& target) {
  const auto seen = tasks_command(std::move(words));
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  EXPECT_EQ(seen.err, "");
  return normalized(seen.out, target.pid_text());
}

TEST(Vitals, PrintsFourCountsAndThenTheTasksBlockedOnChannels) {
  const fake_agent lab(lab_script());
  expect_golden("vitals.txt", output_of({"vitals", "-p", lab.pid_text()}, lab));
}

TEST(Vitals, IsWhatABarePidMeans) {
  const fake_agent lab(lab_script());
  EXPECT_EQ(output_of({lab.pid_text()}, lab), output_of({"vitals", "-p", lab.pid_text()}, lab));
  EXPECT_EQ(output_of({"-p", lab.pid_text()}, lab), output_of({"vitals", lab.pid_text()}, lab));
}

TEST(Vitals, SaysMoreOnRequest) {
  const fake_agent lab(lab_script());
  expect_golden("vitals_details.txt", output_of({"vitals", lab.pid_text(), "--details"}, lab));
}

TEST(Vitals, NamesLostTasksAsAFindingAndLeavesItToAProofWhetherTasksWake) {
  auto script = lab_script();
  script.vitals.set_all_on_channels(true);
  script.vitals.set_lost(3);
  const fake_agent lab(script);
  expect_golden("vitals_findings.txt", output_of({"vitals", lab.pid_text()}, lab));
}

TEST(Stack, PrintsEachTaskInnermostFrameFirstWithoutAsiosOwn) {
  const fake_agent lab(lab_script());
  expect_golden("stack.txt", output_of({"stack", "-p", lab.pid_text()}, lab));
}

TEST(Stack, PrintsAsiosFramesOnRequest) {
  const fake_agent lab(lab_script());
  expect_golden("stack_all_frames.txt", output_of({"stack", "-p", lab.pid_text(), "--all-frames"}, lab));
}

TEST(Stack, GroupsTasksAndSaysHowToSeeOne) {
  auto script = lab_script();
  script.trailer.set_matched(11);
  script.trailer.set_shown(11);
  const fake_agent lab(script);
  expect_golden("stack_group.txt", output_of({"stack", "-p", lab.pid_text(), "--group"}, lab));
}

TEST(Stack, SaysWhatALimitLeftOut) {
  auto script = lab_script();
  script.trailer.set_matched(100);
  const fake_agent lab(script);
  const auto text = output_of({"stack", lab.pid_text(), "--limit", "6"}, lab);
  EXPECT_TRUE(text.ends_with("\n6 of 100 tasks shown (--limit)\n")) << text;
}

TEST(Tree, DrawsWhoSpawnedWhom) {
  const fake_agent lab(lab_script());
  expect_golden("tree.txt", output_of({"tree", "-p", lab.pid_text()}, lab));
}

TEST(List, MarksProcessesWhoseAgentAnsweredAndSaysWhyOthersDidNot) {
  auto healthy = lab_script();
  healthy.vitals.set_running(0);             // so that nobody asks for how long
  healthy.vitals.set_all_on_channels(true);  // which is no alarm
  auto broken = lab_script();
  broken.vitals.set_lost(3);
  auto off = small_script();
  off.status = layout::agent_status::off;
  off.listens = false;
  const fake_agent first(healthy), second(broken), third(off);
  const auto seen = tasks_command({"list"});
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  // Other instrumented processes of this machine may be there too.
  std::istringstream lines(seen.out);
  std::string line, text;
  while (std::getline(lines, line)) {
    const auto begins = [&](const fake_agent& target) {
      return line.find(" " + target.pid_text()) == line.find_first_not_of(' ') - 1;
    };
    if (!text.empty() && !begins(first) && !begins(second) && !begins(third)) continue;
    // Tests that run at the same time have the same name and other arguments.
    const auto name = std::min(line.find("  cli_output_test  "), line.size());
    const auto reason = std::min(line.find("  (", name), line.size());
    if (name != line.size()) line.erase(name + 17, reason - name - 17);
    text += line + "\n";
  }
  text = normalized(normalized(normalized(text, first.pid_text()), second.pid_text()), third.pid_text());
  expect_golden("list.txt", text);
}

}  // namespace
}  // namespace tasks::testing

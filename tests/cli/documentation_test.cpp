// Help, manual page and completions say what the table of commands says.

#include <gtest/gtest.h>

#include "commands/command.hpp"
#include "support/program.hpp"

namespace tasks::cli {
namespace {

using testing::run;
using testing::tasks_executable;

std::string output_of(std::vector<std::string> words, std::string_view input = {}) {
  const auto seen = run(words, {}, input);
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  EXPECT_EQ(seen.err, "");
  return seen.out;
}

std::vector<std::string> names_in(const option& o) {
  const std::string names(o.names);
  const auto comma = names.find(',');
  if (comma == names.npos) return {names};
  return {names.substr(0, comma), names.substr(comma + 1)};
}

TEST(Help, ListsEveryCommandThatIsNotHidden) {
  const auto text = output_of({tasks_executable(), "--help"});
  for (const auto& c : commands()) {
    EXPECT_EQ(text.find("\n  " + std::string(c.name) + " ") == text.npos, c.hidden) << c.name;
  }
}

TEST(Help, OfACommandListsItsOptions) {
  for (const auto& c : commands()) {
    const auto text = output_of({tasks_executable(), std::string(c.name), "--help"});
    EXPECT_NE(text.find(c.help), text.npos);
    for (const auto& o : c.options) EXPECT_NE(text.find(o.names), text.npos) << o.names;
  }
}

TEST(Manual, DescribesEveryOption) {
  const auto text = output_of({tasks_executable(), "man"});
  EXPECT_TRUE(text.starts_with(".TH TASKS 1 "));
  for (const auto& c : commands()) {
    for (const auto& o : c.options) {
      for (const auto& name : names_in(o)) {
        std::string escaped;
        for (const char ch : name) escaped += ch == '-' ? std::string("\\-") : std::string(1, ch);
        EXPECT_NE(text.find(escaped), text.npos) << name;
      }
    }
  }
}

TEST(Manual, DescribesEveryExitCode) {
  const auto text = output_of({tasks_executable(), "man"});
  for (const char* code : {"0", "1", "2", "3"}) EXPECT_NE(text.find("\n.TP\n" + std::string(code) + "\n"), text.npos);
}

TEST(Completion, NamesEveryCommandAndOption) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const auto text = output_of({tasks_executable(), "completion", shell});
    for (const auto& c : commands()) {
      if (c.hidden) continue;
      EXPECT_NE(text.find(c.name), text.npos) << shell;
      for (const auto& o : c.options) {
        for (const auto& name : names_in(o)) {
          // fish writes options without their hyphens.
          const auto word = name.substr(shell == std::string("fish") ? name.find_first_not_of('-') : 0);
          EXPECT_NE(text.find(word), text.npos) << shell << " " << word;
        }
      }
    }
  }
}

TEST(Completion, OfBashCompletesCommandsOptionsAndWords) {
  const auto script = output_of({tasks_executable(), "completion", "bash"});
  const auto completed = [&](const std::string& line) {
    return output_of({"bash", "-s"}, script + "\nCOMP_WORDS=(" + line +
                                         "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _tasks; echo ${COMPREPLY[*]}\n");
  };
  EXPECT_EQ(completed("tasks st"), "stack\n");
  EXPECT_EQ(completed("tasks stack --gr"), "--group\n");
  EXPECT_EQ(completed("tasks stack --state r"), "ready running\n");
  EXPECT_EQ(completed("tasks vitals --wa"), "--watch\n");
}

TEST(Version, IsThatOfTheProject) {
  EXPECT_EQ(output_of({tasks_executable(), "--version"}), "tasks " TASKS_VERSION "\n");
}

}  // namespace
}  // namespace tasks::cli

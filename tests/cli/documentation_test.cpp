// Help, manual page and completions say what the table of commands says.

#include <gtest/gtest.h>

#include <regex>

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

TEST(Help, ListsEveryCommand) {
  for (const char* word : {"--help", "-h", "help"}) {
    const auto text = output_of({tasks_executable(), word});
    for (const auto& c : commands()) EXPECT_NE(text.find("\n  " + std::string(c.name) + " "), text.npos) << c.name;
  }
}

TEST(Help, OfACommandListsItsOptions) {
  for (const auto& c : commands()) {
    const auto text = output_of({tasks_executable(), std::string(c.name), "--help"});
    EXPECT_EQ(output_of({tasks_executable(), "help", std::string(c.name)}), text);
    EXPECT_NE(text.find(c.help), text.npos);
    for (const auto& o : c.options) EXPECT_NE(text.find(o.names), text.npos) << o.names;
  }
}

TEST(Help, ShowsWhichOptionsMayBeRepeated) {
  const auto text = output_of({tasks_executable(), "help", "stack"});
  EXPECT_NE(text.find("-p,--pid PID  "), text.npos) << text;
  EXPECT_NE(text.find("--task ID ...  "), text.npos) << text;
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
  for (const char* code : {"0", "1", "2", "3", "126, 127, 255"})
    EXPECT_NE(text.find("\n.TP\n\\fB" + std::string(code) + "\\fR\n"), text.npos) << code;
}

TEST(Manual, SaysWhatElseOneHasToKnow) {
  const auto text = output_of({tasks_executable(), "man"});
  for (const char* known : {".SH MARKS", "\\fB!\\fR", ".SH EXIT STATUS", "TASKS_AGENT", "TASKS_DIR", "XDG_CACHE_HOME",
                            ".SH EXAMPLES", "\\fITASK\\fR", "TASKS_SSH", ".SH OPTIONS OF EVERY COMMAND", "\\-\\-push"})
    EXPECT_NE(text.find(known), text.npos) << known;
}

/// An example that the command line does not accept is worse than none.
TEST(Manual, HasExamplesThatMakeSense) {
  auto text = output_of({tasks_executable(), "man"});
  text.erase(0, text.find(".SH EXAMPLES"));
  std::size_t tried = 0;
  for (std::size_t at = 0; (at = text.find("\n\\fBtasks", at)) != text.npos;) {
    at += 4;
    auto line = text.substr(at, text.find("\\fR\n", at) - at);
    line = std::regex_replace(line.substr(0, line.find_first_of("|&>")), std::regex(R"(\\(-))"), "$1");
    const auto seen = run(
        {"sh", "-c",
         "tasks() { exec " + tasks_executable() + " \"$@\"; }; " + std::regex_replace(line, std::regex(" -o .*"), "")},
        {"TASKS_SSH=sh -c 'exit 255'"});
    const auto said = seen.out + seen.err;  // a plugin says everything on standard output
    EXPECT_TRUE(seen.end.code == 0 || said.find("no process has this name") != said.npos ||
                said.find("no container has this id") != said.npos || said.find("ssh does not reach") != said.npos ||
                said.find("cannot be opened") != said.npos || said.find("No such file") != said.npos ||
                said.find("there is no such file") != said.npos)
        << line << "\n"
        << seen.err;
    ++tried;
  }
  EXPECT_EQ(tried, 29u);
}

TEST(Completion, NamesEveryCommandAndOption) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const auto text = output_of({tasks_executable(), "completion", shell});
    for (const auto& c : commands()) {
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

TEST(Version, IsThatOfTheProject) {
  for (const char* word : {"--version", "-V", "version"})
    EXPECT_EQ(output_of({tasks_executable(), word}), "tasks " TASKS_VERSION "\n");
}

}  // namespace
}  // namespace tasks::cli

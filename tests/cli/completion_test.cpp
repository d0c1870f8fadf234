// What each shell offers when the tab key is pressed, in that shell.

#include <gmock/gmock.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>

#include "support/program.hpp"

namespace tasks::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::UnorderedElementsAre;
using words = std::vector<std::string>;

words lines_of(const std::string& text) {
  std::istringstream in(text);
  words lines;
  for (std::string line; std::getline(in, line);)
    if (line = line.substr(0, line.find('\t')); !line.empty()) lines.push_back(line);
  return lines;
}

/// A line editor, without the rest of zsh's: it accepts what the tab key completes, and prints it.
constexpr const char* zsh_session = R"sh(
zmodload zsh/zpty
zpty shell zsh -f -i
say() { zpty -w shell "$1"; }
say "PS1=; unsetopt zle_bracketed_paste prompt_cr; unset zle_bracketed_paste; autoload -U compinit; compinit -u -C"
say "source $1"
say "zstyle ':completion:*' list-prompt ''; LISTMAX=10000; setopt no_auto_menu no_beep"
say "show() { print -r -- \"<BUFFER:\$BUFFER>\"; BUFFER=; zle .accept-line }; zle -N accept-line show"
zpty -w -n shell "$2"$'\t\r'
while zpty -r shell line; do
  if [[ $line == *'<BUFFER:'*'>'* && $line != *print* ]]; then print -r -- "${${line#*<BUFFER:}%%>*}"; break; fi
done
zpty -d shell
)sh";

class Completion : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string shell = GetParam();
    try {
      (void)run({shell, "-c", "true"});
    } catch (const std::runtime_error&) {
      GTEST_SKIP() << shell << " is not installed";
    }
    char name[] = "/tmp/tasks-test-XXXXXX";
    folder_ = ::mkdtemp(name);
    fs::create_symlink(tasks_executable(), folder_ / "tasks");
    const auto made = run({tasks_executable(), "completion", shell});
    ASSERT_EQ(made.end.code, 0) << made.err;
    std::ofstream(folder_ / "script") << made.out;
    std::ofstream(folder_ / "session") << zsh_session;
    std::ofstream(folder_ / "corefile");
  }
  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }

  /// What is offered for the last word of `line`; zsh, which is asked for the line that it makes, says one.
  [[nodiscard]] words offered(const std::string& line) const {
    const std::string shell = GetParam();
    const auto script = (folder_ / "script").string();
    const environment path = {"PATH=" + folder_.string() + ":" + ::getenv("PATH"), "HOME=" + folder_.string()};
    outcome seen;
    if (shell == "bash") {
      seen = run({"bash", "-c",
                  "source " + script + "; COMP_WORDS=(" + line + (line.back() == ' ' ? "''" : "") +
                      "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _tasks; printf '%s\\n' \"${COMPREPLY[@]}\""},
                 path);
    } else if (shell == "fish") {
      seen = run({"fish", "-c", "source " + script + "; complete -C '" + line + "'"}, path);
    } else {
      seen = run({"zsh", "-f", (folder_ / "session").string(), script, line}, path);
      EXPECT_EQ(seen.end.code, 0) << seen.err;
      auto text = seen.out.substr(0, seen.out.find_last_not_of(" \r\n") + 1);
      return {text.substr(text.find_last_of(' ') + 1)};
    }
    EXPECT_EQ(seen.err, "");
    return lines_of(seen.out);
  }

  fs::path folder_;
};

INSTANTIATE_TEST_SUITE_P(Shells, Completion, ::testing::Values("bash", "zsh", "fish"),
                         [](const auto& of) { return std::string(of.param); });

TEST_P(Completion, OffersCommandsOptionsAndTheirValues) {
  EXPECT_THAT(offered("tasks sta"), UnorderedElementsAre("stack"));
  EXPECT_THAT(offered("tasks stack --gr"), UnorderedElementsAre("--group"));
  EXPECT_THAT(offered("tasks stack --state ru"), UnorderedElementsAre("running"));
  EXPECT_THAT(offered("tasks stack --kind channel-s"), UnorderedElementsAre("channel-send"));
  EXPECT_THAT(offered("tasks vitals --wa"), UnorderedElementsAre("--watch"));
  EXPECT_THAT(offered("tasks schema chan"), UnorderedElementsAre("channels"));
  EXPECT_THAT(offered("tasks completion z"), UnorderedElementsAre("zsh"));
  EXPECT_THAT(offered("tasks help sta"), UnorderedElementsAre("stack"));
}

TEST_P(Completion, OffersTheSameBehindHosts) {
  for (const std::string where : {"-H web1", "--host web1", "-Hweb1 --push", "-H web1 -H web2"}) {
    EXPECT_THAT(offered("tasks " + where + " sta"), UnorderedElementsAre("stack")) << where;
    EXPECT_THAT(offered("tasks " + where + " stack --gr"), UnorderedElementsAre("--group")) << where;
    EXPECT_THAT(offered("tasks stack " + where + " --state ru"), UnorderedElementsAre("running")) << where;
  }
  EXPECT_THAT(offered("tasks --ho"), UnorderedElementsAre("--host"));
  EXPECT_THAT(offered("tasks stack --pus"), UnorderedElementsAre("--push"));
  // Whoever asks another host for processes waits for ssh.
  const program lab({program_path("lab")});
  if (GetParam() == std::string("zsh")) return;
  EXPECT_THAT(offered("tasks -H web1 stack -p "), Not(Contains(lab.pid_text())));
}

TEST_P(Completion, OffersFilesForCoresAndReports) {
  for (const char* option : {"stack --core", "stack --exe", "report -o", "report --output"}) {
    const auto file = (folder_ / "corefile").string();
    EXPECT_THAT(offered("tasks " + std::string(option) + " " + (folder_ / "core").string()), UnorderedElementsAre(file))
        << option;
  }
}

TEST_P(Completion, OffersInstrumentedProcessesAndTheirTasks) {
  const auto name = "lab-of-" + folder_.filename().string();
  fs::copy_file(program_path("lab"), folder_ / name);
  const program lab({(folder_ / name).string()});
  const auto pid = lab.pid_text();
  for (const std::string before : {"stack ", "stack -p ", "why --pid ", "report --json ", ""}) {
    // All but the end, since zsh completes what is common to those of tests beside this one.
    EXPECT_THAT(offered("tasks " + before + name.substr(0, name.size() - 1)), Contains(name)) << before;
    EXPECT_THAT(offered("tasks " + before + pid), Contains(pid)) << before;
  }
  if (GetParam() == std::string("zsh")) return;
  const auto all = offered("tasks stack ");
  EXPECT_THAT(all, IsSupersetOf({pid, name}));
  EXPECT_THAT(all, Not(Contains(std::to_string(::getpid()))));
  wait_until_shown({"stack", pid}, "task 5 ");
  for (const std::string& before : {"why " + pid, "why -p " + pid, "why --pid " + name, "stack " + pid + " --task"})
    EXPECT_THAT(offered("tasks " + before + " "), IsSupersetOf({"1", "2", "3"})) << before;
}

}  // namespace
}  // namespace tasks::testing

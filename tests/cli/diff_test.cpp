// `tasks diff`: what changed between two looks, or between two recordings.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "support/client.hpp"
#include "support/program.hpp"

namespace tasks::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using words = std::vector<std::string>;

outcome tasks_command(words command) {
  command.insert(command.begin(), tasks_executable());
  return run(command);
}

class Diff : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tasks-test-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string file(const char* name) const { return (folder_ / name).string(); }
  void record(const program& of, const char* name) const {
    const auto made = tasks_command({"record", of.pid_text(), "-o", file(name), "--for", "0"});
    ASSERT_EQ(made.end.code, 0) << made.err;
  }

  fs::path folder_;
};

TEST_F(Diff, OfNothingThatChangedSaysSo) {
  const program lab({program_path("lab")});
  wait_until_shown({"stack", "--kind", "socket-accept", "-p", lab.pid_text()}, "listener");
  record(lab, "a");
  record(lab, "b");
  const auto seen = tasks_command({"diff", file("a"), file("b")});
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  EXPECT_THAT(seen.out, ContainsRegex("^lab [0-9]+, [-0-9]+ [0-9:]+ → lab [0-9]+, [-0-9]+ [0-9:]+\n"
                                      "tasks: [0-9]+ → [0-9]+: 0 came, 0 went, [0-9]+ stayed\n"));
  EXPECT_THAT(seen.out, HasSubstr(" stacks did not change\n"));
  EXPECT_THAT(seen.out, Not(HasSubstr("new: ")));
  EXPECT_THAT(seen.out, Not(HasSubstr("vanished: ")));
}

TEST_F(Diff, NamesStacksThatAreNewAndThoseThatVanished) {
  const program lab({program_path("lab")});
  wait_until_shown({"stack", "--kind", "socket-accept", "-p", lab.pid_text()}, "listener");
  record(lab, "series");
  const client connected(static_cast<std::uint16_t>(std::stoul(lab.value("port"))));
  wait_until_shown({"stack", "--function", "lab::session", "-p", lab.pid_text()}, "[blocked: tasks");
  record(lab, "series");
  const auto grown = tasks_command({"diff", "--from", file("series")});
  EXPECT_EQ(grown.end.code, 0) << grown.err;
  EXPECT_THAT(grown.out, ContainsRegex("\nnew: 1 task \\[blocked: tasks[^\n]*/min:\n"));
  EXPECT_THAT(grown.out, HasSubstr("\nlab::session("));
  EXPECT_THAT(grown.out, Not(HasSubstr("vanished: ")));
  const auto back = tasks_command({"diff", "--from", file("series"), "--at", "2", "--at", "1"});
  EXPECT_THAT(back.out, ContainsRegex("\nvanished: 1 task \\[blocked: tasks"));
  EXPECT_THAT(back.out, HasSubstr("\nlab::session("));
  EXPECT_THAT(back.out, Not(HasSubstr("new: ")));
  EXPECT_THAT(back.out, Not(HasSubstr("/min")));
  const auto json = tasks_command({"diff", "--from", file("series"), "--at", "1", "--at", "2", "--json"});
  EXPECT_THAT(json.out, HasSubstr("\"sameProcess\":true"));
  EXPECT_THAT(json.out, HasSubstr("\"before\":0,\"after\":1,\"came\":1,\"went\":0,\"stayed\":0"));
}

TEST_F(Diff, OfTwoProcessesComparesNumbers) {
  const program plain({program_path("lab")});
  const program leaky({program_path("lab"), "--leak", "send"});
  wait_until_shown({"stack", "--kind", "socket-accept", "-p", plain.pid_text()}, "listener");
  wait_until_shown({"stack", "--kind", "channel-send", "-p", leaky.pid_text()}, "ask_replica");
  record(plain, "a");
  record(leaky, "b");
  const auto seen = tasks_command({"diff", file("a"), file("b")});
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  EXPECT_THAT(seen.out, HasSubstr("two processes"));
  EXPECT_THAT(seen.out, ContainsRegex("new: 2 tasks \\[channel send[^\n]*:\nlab::ask_replica"));
  EXPECT_THAT(seen.out, Not(HasSubstr("lab::listener")));
}

TEST_F(Diff, OfAProcessLooksTwice) {
  const program lab({program_path("lab"), "--leak", "spin"});
  wait_until_shown({"stack", "--state", "running", "-p", lab.pid_text()}, "leak_spin");
  const auto seen = tasks_command({"diff", "-p", lab.pid_text(), "--interval", "0.1"});
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  EXPECT_THAT(seen.out, HasSubstr("pid " + lab.pid_text() + " → "));
  EXPECT_THAT(seen.out, ContainsRegex("stalled: thread [0-9]+ has run task [0-9]+ all the while, for "));
}

TEST_F(Diff, OfWhatCannotBeComparedSaysWhatIsWrong) {
  const program lab({program_path("lab")});
  record(lab, "a");
  for (const auto& wrong : std::vector<words>{{"diff"},
                                              {"diff", file("a")},
                                              {"diff", file("a"), file("none")},
                                              {"diff", file("a"), "/etc/passwd"},
                                              {"diff", file("a"), file("a"), "--at", "1"},
                                              {"diff", "--at", "1"},
                                              {"diff", "--from", file("a"), "--at", "1", "--at", "9"},
                                              {"diff", "--from", file("a"), "--at", "1", "--at", "1", "--at", "1"}}) {
    const auto seen = tasks_command(wrong);
    EXPECT_EQ(seen.end.code, 2) << ::testing::PrintToString(wrong);
    EXPECT_EQ(seen.out, "") << ::testing::PrintToString(wrong);
  }
}

}  // namespace
}  // namespace tasks::testing

// `--from`: every view of what was recorded, held against the same view of what it was recorded of.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <thread>
#include <vector>

#include "support/client.hpp"
#include "support/program.hpp"

namespace tasks::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using words = std::vector<std::string>;

class Recorded : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tasks-test-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string file(const char* name = "seen.tasks") const { return (folder_ / name).string(); }

  /// Of a program that is dead now, so that two looks at it see the same.
  std::string core_of(const program& of) const {
    const auto made = run({"gcore", "-o", file("core"), of.pid_text()});
    EXPECT_EQ(made.end.code, 0) << made.err;
    return file("core") + "." + of.pid_text();
  }

  fs::path folder_;
};

outcome tasks_command(words command) {
  command.insert(command.begin(), tasks_executable());
  return run(command);
}

words with(words command, const words& more) {
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

/// Without what names the target, and how long it took to look.
std::string comparable(std::string text, const std::string& option) {
  for (auto at = text.find(option); at != text.npos; at = text.find(option, at))
    text.replace(at, option.size(), "TARGET");
  text = std::regex_replace(text, std::regex(R"(\d+\.\ds in all)"), "in all");
  text = std::regex_replace(text, std::regex(R"re("(totalSeconds|takenAt)":[^,}]+)re"), R"re("$1":0)re");
  return std::regex_replace(text, std::regex(R"(report of (.*), \S+Z)"), "report of $1");
}

const std::vector<words>& views() {
  static const std::vector<words> all = {{"vitals"},
                                         {"vitals", "--details"},
                                         {"vitals", "--details", "--json"},
                                         {"stack"},
                                         {"stack", "--json"},
                                         {"stack", "--all-frames"},
                                         {"stack", "--no-native"},
                                         {"stack", "--sort", "age", "--limit", "3"},
                                         {"stack", "--kind", "timer,channel-send"},
                                         {"stack", "--state", "running"},
                                         {"stack", "--older-than", "1s"},
                                         {"stack", "--function", "worker"},
                                         {"stack", "--group"},
                                         {"stack", "--group", "--ids"},
                                         {"stack", "--group", "--limit", "2"},
                                         {"stack", "--group", "--json"},
                                         {"stack", "--group", "--by", "object"},
                                         {"stack", "--group", "--by", "spawn-site"},
                                         {"tree"},
                                         {"tree", "--all"},
                                         {"tree", "--json"},
                                         {"requests"},
                                         {"requests", "--json"},
                                         {"channels"},
                                         {"channels", "--json"},
                                         {"channels", "--all-frames"},
                                         {"leaks"},
                                         {"leaks", "--all"},
                                         {"leaks", "--top", "2"},
                                         {"leaks", "--json"},
                                         {"threads"},
                                         {"threads", "--json"},
                                         {"threads", "--all-frames"},
                                         {"threads", "--no-native"},
                                         {"operations"},
                                         {"operations", "--all", "--json"},
                                         {"operations", "--group", "--all"},
                                         {"operations", "--all", "--kind", "timer"},
                                         {"memory"},
                                         {"memory", "--json"},
                                         {"memory", "--limit", "1000"},
                                         {"memory", "--function", "worker"},
                                         {"memory", "--kind", "timer", "--json"},
                                         {"report"},
                                         {"report", "--json"}};
  return all;
}

/// What every task is called: "task 7 [" begins its stack.
std::vector<std::string> tasks_in(const std::string& stacks) {
  std::vector<std::string> found;
  const std::regex head(R"((?:^|\n)task (\d+) )");
  for (std::sregex_iterator at(stacks.begin(), stacks.end(), head), end; at != end; ++at) found.push_back((*at)[1]);
  return found;
}

void expect_same(const words& command, const words& live, const words& recorded) {
  const auto before = tasks_command(with(command, live));
  const auto after = tasks_command(with(command, recorded));
  const auto title = ::testing::PrintToString(command);
  EXPECT_EQ(before.end, after.end) << title << after.err;
  EXPECT_NE(before.out, "") << title;
  EXPECT_EQ(comparable(before.out, live[0] + " " + live[1]), comparable(after.out, recorded[0] + " " + recorded[1]))
      << title;
}

/// One of each kind, where more of them would show no more.
const std::vector<words>& few_views() {
  static const std::vector<words> few = {
      {"vitals", "--details"}, {"stack"}, {"tree"}, {"channels"}, {"leaks"}, {"threads"},
      {"operations", "--all"}, {"memory"}};
  return few;
}

void expect_same_views(const std::vector<words>& views, const std::string& core, const std::string& recording) {
  for (const auto& view : views) expect_same(view, {"--core", core}, {"--from", recording});
  const auto tasks = tasks_in(tasks_command({"stack", "--core", core}).out);
  EXPECT_FALSE(tasks.empty());
  for (const auto& task : tasks) expect_same({"why", "--json"}, {"--core", core, task}, {"--from", recording, task});
  if (!tasks.empty()) expect_same({"why"}, {"--core", core, tasks.back()}, {"--from", recording, tasks.back()});
}

void expect_same_views_of(const std::string& core, const std::string& recording,
                          const std::vector<words>& of = views()) {
  const auto made = tasks_command({"report", "--core", core, "-o", recording});
  ASSERT_EQ(made.end.code, 0) << made.err;
  EXPECT_EQ(made.out, "");
  expect_same_views(of, core, recording);
}

TEST_F(Recorded, LeaksReadAsTheyDid) {
  std::string core;
  {
    const program lab({program_path("lab"), "--leak", "send", "--leak", "receive", "--leak", "cycle", "--leak", "timer",
                       "--leak", "close"});
    wait_until_shown({"stack", "--kind", "channel-send", "-p", lab.pid_text()}, "ask_replica");
    core = core_of(lab);
  }
  expect_same_views_of(core, file());
}

TEST_F(Recorded, ThreadsThatHangReadAsTheyDid) {
  std::string core;
  {
    const program lab({program_path("lab"), "--leak", "spin", "--leak", "block"});
    wait_until_shown({"stack", "--state", "running", "-p", lab.pid_text()}, "leak_block");
    core = core_of(lab);
  }
  expect_same_views_of(core, file());
}

TEST_F(Recorded, FailuresReadAsTheyDid) {
  std::string core;
  {
    const program failing({program_path("failures")});
    core = core_of(failing);
  }
  expect_same_views_of(core, file(), few_views());
}

TEST_F(Recorded, AProgramWithoutTheHookReadsAsItDid) {
  std::string core;
  {
    const program lab({program_path("lab_plain"), "--leak", "send", "--leak", "receive"});
    wait_until_shown({"stack", "-p", lab.pid_text()}, "ask_replica");
    core = core_of(lab);
  }
  expect_same_views_of(core, file(), few_views());
}

/// What is not told by a core: descriptors, what is due, native stacks of a process that lives.
TEST_F(Recorded, AProcessThatIsStoppedReadsAsItDoes) {
  const program lab({program_path("lab"), "--leak", "send", "--leak", "receive"});
  wait_until_shown({"stack", "--kind", "channel-send", "-p", lab.pid_text()}, "ask_replica");
  ASSERT_EQ(::kill(lab.pid(), SIGSTOP), 0);
  wait_until_shown({"vitals", "-p", lab.pid_text()}, "it is stopped by a signal");
  const auto made = tasks_command({"report", "-p", lab.pid_text(), "-o", file()});
  ASSERT_EQ(made.end.code, 0) << made.err;
  const auto without_times = [](std::string text) {
    return std::regex_replace(text, std::regex(R"((<1|\b(\d+(m|h|d))?\d+)s\b)"), "AGE");
  };
  for (const auto& view :
       std::vector<words>{{"stack"}, {"stack", "--group", "--by", "peer"}, {"tree"}, {"channels", "--no-prove"}}) {
    const auto before = tasks_command(with(view, {"--direct", "-p", lab.pid_text()}));
    const auto after = tasks_command(with(view, {"--from", file()}));
    EXPECT_EQ(without_times(comparable(before.out, "-p " + lab.pid_text())),
              without_times(comparable(after.out, "--from " + file())))
        << ::testing::PrintToString(view);
  }
  EXPECT_THAT(tasks_command({"vitals", "--from", file()}).out, HasSubstr("! it is stopped by a signal"));
  EXPECT_THAT(tasks_command({"stack", "--from", file()}).out, HasSubstr("socket accept"));
  EXPECT_THAT(tasks_command({"stack", "--from", file()}).out, HasSubstr(" at 127.0.0.1:"));
  EXPECT_THAT(tasks_command({"list", "--from", file()}).out, HasSubstr("lab\n"));
  ::kill(lab.pid(), SIGCONT);
}

/// The proof erases words of its picture: others that are looked for in the same moment still find them.
TEST_F(Recorded, AProcessAtRestReadsAsItDoes) {
  const program lab({program_path("lab"), "--leak", "cycle", "--leak", "send"});
  wait_until_shown({"stack", "--kind", "channel-send", "-p", lab.pid_text()}, "ask_replica");
  wait_until_shown({"leaks", "-p", lab.pid_text()}, "wait for each other");
  ASSERT_EQ(tasks_command({"report", "-p", lab.pid_text(), "-o", file()}).end.code, 0);
  const auto seen = [&](const words& view, const std::string& option, const std::string& target) {
    auto text = comparable(tasks_command(with(view, {option, target})).out, option + " " + target);
    text = std::regex_replace(text, std::regex(R"((<1|\b(\d+(m|h|d))?\d+)s\b)"), "AGE");
    return std::regex_replace(text, std::regex(R"(\n*[^\n]*target (not )?stopped[^\n]*)"), "");
  };
  std::vector<words> all = {{"operations", "--all"}, {"channels"}, {"leaks", "--all"}};
  for (const auto& task : tasks_in(tasks_command({"stack", "-p", lab.pid_text()}).out)) all.push_back({"why", task});
  EXPECT_GT(all.size(), 10U);
  for (const auto& view : all)
    EXPECT_EQ(seen(view, "-p", lab.pid_text()), seen(view, "--from", file())) << ::testing::PrintToString(view);
}

TEST_F(Recorded, AReportOfItIsThatOfThen) {
  const program lab({program_path("lab"), "--leak", "send"});
  wait_until_shown({"stack", "--kind", "channel-send", "-p", lab.pid_text()}, "ask_replica");
  ASSERT_EQ(tasks_command({"report", "-p", lab.pid_text(), "-o", file()}).end.code, 0);
  const auto first = tasks_command({"report", "--from", file()});
  EXPECT_EQ(first.end.code, 0) << first.err;
  EXPECT_THAT(first.out, StartsWith("report of " + lab.pid_text() + ", 20"));
  EXPECT_THAT(first.out, HasSubstr("program  " + program_path("lab") + "\n"));
  EXPECT_THAT(first.out, HasSubstr("--leak send\n"));
  EXPECT_THAT(first.out, HasSubstr("shows    one moment: "));
  EXPECT_THAT(first.out, HasSubstr("proven: "));
  EXPECT_EQ(first.out, tasks_command({"report", "--from", file()}).out);
}

class ASeries : public Recorded {
 protected:
  /// Snapshots of two labs, one of which ends in the middle.
  void record() {
    program first({program_path("lab")});
    const program second({program_path("lab"), "--leak", "send"});
    pids_ = {first.pid_text(), second.pid_text()};
    program recorder(program::unready{},
                     {tasks_executable(), "record", "-p", pids_[0], "-p", pids_[1], "-o", file(), "--every", "0.05"});
    wait_until_recorded(pids_[0], 3);
    first.stop();
    const auto then = count(pids_[0]);
    wait_until_recorded(pids_[1], then + 3);
    ASSERT_EQ(::kill(recorder.pid(), SIGINT), 0);
    ending_ = recorder.wait();
  }

  [[nodiscard]] std::size_t count(const std::string& pid) const {
    const auto seen = tasks_command({"vitals", "--from", file(), "-p", pid});
    std::smatch found;
    return std::regex_search(seen.err, found, std::regex(R"(snapshot \d+ of (\d+))")) ? std::stoul(found[1]) : 0;
  }
  void wait_until_recorded(const std::string& pid, std::size_t least) const {
    const auto deadline = std::chrono::steady_clock::now() + guard;
    while (count(pid) < least && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ASSERT_GE(count(pid), least);
  }

  words pids_;
  ending ending_;
};

TEST_F(ASeries, HasWhatEachProcessDidAtEachTime) {
  record();
  EXPECT_EQ(ending_.code, 0);
  const auto unnamed = tasks_command({"stack", "--from", file()});
  EXPECT_EQ(unnamed.end.code, 2);
  EXPECT_THAT(unnamed.err, HasSubstr("several processes were recorded"));
  EXPECT_THAT(tasks_command({"stack", "--from", file(), pids_[1]}).out, HasSubstr("ask_replica"));
  EXPECT_THAT(tasks_command({"stack", "--from", file(), pids_[0]}).out, Not(HasSubstr("ask_replica")));
  EXPECT_THAT(tasks_command({"stack", "--from", file(), "--at", "1", pids_[1]}).out, HasSubstr("lab::worker"));
  const auto listed = tasks_command({"list", "--from", file()});
  EXPECT_THAT(listed.out, HasSubstr(pids_[0]));
  EXPECT_THAT(listed.out, HasSubstr(pids_[1]));
  const auto beyond = tasks_command({"stack", "--from", file(), "--at", "1000", pids_[1]});
  EXPECT_EQ(beyond.end.code, 2);
  EXPECT_THAT(beyond.err, HasSubstr("no such snapshot"));
  EXPECT_EQ(tasks_command({"stack", "--from", file(), "--at", "1990-01-01T00:00:00Z", pids_[1]}).end.code, 2);
  EXPECT_EQ(tasks_command({"stack", "--from", file(), "--at", "-0s", pids_[1]}).end.code, 0);
  EXPECT_EQ(tasks_command({"stack", "--from", file(), "--at", "soon", pids_[1]}).end.code, 2);
}

TEST_F(Recorded, GroupsHaveGrownSinceTheSnapshotBefore) {
  program lab({program_path("lab")});
  const auto record = [&] {
    const auto made = tasks_command({"record", lab.pid_text(), "-o", file(), "--for", "0"});
    ASSERT_EQ(made.end.code, 0) << made.err;
  };
  wait_until_shown({"stack", "--kind", "socket-accept", "-p", lab.pid_text()}, "listener");
  record();
  const client connected(static_cast<std::uint16_t>(std::stoul(lab.value("port"))));
  wait_until_shown({"stack", "--function", "lab::read_line", "-p", lab.pid_text()}, "socket read");
  record();
  const words by_growth = {"stack", "--group", "--sort", "growth", "--from", file()};
  const auto seen = tasks_command(by_growth).out;
  EXPECT_THAT(seen, ::testing::ContainsRegex("^1 task \\[[^\n]*\\], \\+[0-9.e+]+/min:\nlab::"));
  EXPECT_THAT(seen, ::testing::ContainsRegex("\n4 tasks \\[channel receive[^\n]*\\]:\nlab::next_job"))
      << "has not grown";
  EXPECT_LT(seen.find("lab::read_line"), seen.find("lab::worker"));
  EXPECT_THAT(tasks_command({"stack", "--group", "--from", file()}).out, StartsWith("4 tasks "));
  EXPECT_THAT(tasks_command(with(by_growth, {"--function", "worker", "--json"})).out,
              HasSubstr("\"growthPerMinute\":0"));
  EXPECT_THAT(tasks_command({"stack", "--group", "--json", "--from", file()}).out,
              HasSubstr("\"growthPerMinute\":null"));
  const auto first = tasks_command(with(by_growth, {"--at", "1"}));
  EXPECT_EQ(first.end.code, 2);
  EXPECT_THAT(first.err, HasSubstr("no snapshot was taken before this one"));
  EXPECT_EQ(tasks_command(with(by_growth, {"--interval", "1"})).end.code, 2);
}

TEST_F(Recorded, WhatIsNotRecordedIsSaid) {
  const program lab({program_path("lab"), "--leak", "spin"});
  wait_until_shown({"stack", "--state", "running", "-p", lab.pid_text()}, "leak_spin");
  const auto made = tasks_command({"record", lab.pid_text(), "-o", file(), "--for", "0"});
  ASSERT_EQ(made.end.code, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr("1 snapshot\n"));
  EXPECT_THAT(tasks_command({"leaks", "--from", file()}).out, HasSubstr("record it --with leaks"));
  EXPECT_THAT(tasks_command({"threads", "--from", file()}).out, HasSubstr("--with threads"));
  EXPECT_THAT(tasks_command({"stack", "--locals", "--from", file()}).err, HasSubstr("are not recorded"));
  EXPECT_THAT(tasks_command({"operations", "--from", file()}).err, HasSubstr("not recorded"));
  EXPECT_THAT(tasks_command({"memory", "--from", file()}).err, HasSubstr("record it --with memory"));
  for (const auto& wrong : std::vector<words>{{"leaks", "--interval", "1"},
                                              {"vitals", "--watch", "1"},
                                              {"threads", "--interval", "1"},
                                              {"stack", "--direct"},
                                              {"stack", "--core", file()},
                                              {"operations", "--direct"},
                                              {"memory", "--direct"},
                                              {"report", "-o", file("again.tasks")}})
    EXPECT_EQ(tasks_command(with(wrong, {"--from", file()})).end.code, 2) << ::testing::PrintToString(wrong);
  EXPECT_EQ(tasks_command({"stack", "--at", "1", "-p", lab.pid_text()}).end.code, 2);
  EXPECT_EQ(tasks_command({"stack", "--from", "/etc/passwd"}).end.code, 2);
  EXPECT_EQ(tasks_command({"stack", "--from", file("none")}).end.code, 2);
  EXPECT_EQ(tasks_command({"record", "-o", file("x.tasks")}).end.code, 2);
  EXPECT_EQ(tasks_command({"record", lab.pid_text(), "-o", "/nonexistent/x.tasks"}).end.code, 2);
  EXPECT_EQ(tasks_command({"record", lab.pid_text(), "--with", "heap"}).end.code, 2);
}

TEST_F(Recorded, AProcessThatStartsAnotherProgramIsThatOneThen) {
  program shell(program::unready{}, {"sh", "-c", "read line; exec " + program_path("lab") + " --leak send"});
  program recorder(program::unready{},
                   {tasks_executable(), "record", shell.pid_text(), "-o", file(), "--every", "0.05"});
  shell.write("go on\n");
  wait_until_shown({"stack", "--from", file()}, "lab::ask_replica");
  EXPECT_EQ(shell.stop().code, 0);
  EXPECT_EQ(recorder.wait().code, 0);  // there is nothing to be recorded any more
  EXPECT_THAT(tasks_command({"list", "--from", file()}).out, HasSubstr("lab\n"));
}

TEST_F(Recorded, WithThreadsAndLeaksHasThem) {
  const program lab({program_path("lab"), "--leak", "spin", "--leak", "send"});
  wait_until_shown({"stack", "-p", lab.pid_text()}, "ask_replica");
  const auto made = tasks_command({"record", lab.pid_text(), "-o", file(), "--for", "0", "--with", "threads,leaks"});
  ASSERT_EQ(made.end.code, 0) << made.err;
  EXPECT_THAT(tasks_command({"leaks", "--from", file()}).out, HasSubstr(" tasks wait for what can be checked: "));
  EXPECT_THAT(tasks_command({"threads", "--from", file()}).out, HasSubstr("lab::leak_spin()"));
}

}  // namespace
}  // namespace tasks::testing

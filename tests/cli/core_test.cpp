// Cores, of the kernel's and of gcore's making, tell what the process would have told.

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <regex>
#include <stdexcept>

#include "support/program.hpp"

namespace tasks::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

outcome tasks_command(std::vector<std::string> words) {
  words.insert(words.begin(), tasks_executable());
  return run(words);
}

class Core : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tasks-test-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  void TearDown() override { fs::remove_all(folder_); }

  /// Made by gdb; the process goes on.
  [[nodiscard]] std::string gcore(const program& target) const {
    const auto prefix = (folder_ / "gcore").string();
    const auto made = run({"gcore", "-o", prefix, target.pid_text()});
    EXPECT_EQ(made.end.code, 0) << made.err;
    return prefix + "." + target.pid_text();
  }

  fs::path folder_;
};

/// Without what differs: a core's clock is the newest time that a task wrote down, and it has no descriptors.
std::string without_details(const std::string& text) {
  static const std::regex details(
      R"(\[(pipe|descriptor) |, [^\]\n]*\]|, <?[0-9hms]+ +|, oldest [^\]]*|num CPU: [^\n]*|tasks why --?\w+ \S+)");
  return std::regex_replace(text, details, "");
}

/// The lab's tasks begin to wait after it has said `ready`.
void wait_until_blocked(const program& lab) {
  wait_until_shown({"stack", "--kind", "channel-send", "-p", lab.pid_text()}, "ask_replica");
}

TEST_F(Core, OfGcoreShowsTheSameTasksAsTheProcess) {
  program lab({program_path("lab"), "--leak", "send"});
  wait_until_blocked(lab);
  const auto core = gcore(lab);
  for (const std::vector<std::string>& view : {std::vector<std::string>{"vitals"},
                                               {"stack", "--kind", "channel-send"},
                                               {"stack", "--group", "--kind", "channel-receive"},
                                               {"tree"}}) {
    auto live = view, dead = view;
    live.insert(live.end(), {"--direct", "-p", lab.pid_text()});
    dead.insert(dead.end(), {"--core", core});
    const auto seen = tasks_command(dead);
    EXPECT_EQ(seen.end.code, 0) << seen.err;
    EXPECT_THAT(seen.out, HasSubstr("lab::"));
    EXPECT_EQ(without_details(seen.out), without_details(tasks_command(live).out)) << view[0];
  }
}

struct crash {
  const char* how;
  const char* words;
};
class Crash : public Core, public ::testing::WithParamInterface<crash> {};
INSTANTIATE_TEST_SUITE_P(
    Of, Crash,
    ::testing::Values(crash{"crashes", ", which ran task 1: hung::write_to(int*)  hung.cpp:"},
                      crash{"crashes_starting",
                            ", which started an operation of task 1: hung::write_to(int*)  hung.cpp:"}),
    [](const auto& parameter) { return std::string(parameter.param.how); });

TEST_P(Crash, IsToldWithItsThreadAndTask) {
  const auto script =
      "ulimit -c unlimited && cd " + folder_.string() + " && exec " + program_path("hung") + " " + GetParam().how;
  program target(program::unready{}, {"sh", "-c", script});
  EXPECT_EQ(target.wait().signal, SIGSEGV);
  std::string core;
  for (const auto& file : fs::directory_iterator(folder_)) core = file.path().string();
  if (core.empty()) GTEST_SKIP() << "no core was written here, or its size is limited to 0";
  const auto vitals = tasks_command({"vitals", "--core", core});
  EXPECT_THAT(vitals.out, HasSubstr("! ended by SIGSEGV at address 0x10, in thread "));
  EXPECT_THAT(vitals.out, HasSubstr(GetParam().words));
  const auto threads = tasks_command({"threads", "--core", core});
  EXPECT_THAT(threads.out, ContainsRegex("\n *[0-9]+ [^\n]* worker  +1  "));
  EXPECT_THAT(threads.out, HasSubstr("! ended by SIGSEGV at address 0x10, in thread "));
  EXPECT_THAT(threads.out, Not(HasSubstr("_ZZN4asio")));
}

/// Until its timer has been expired for so long that the clock of a core, which may be a second behind, says so too.
void wait_until_long_due(const program& target) {
  const auto begin = std::chrono::steady_clock::now();
  while (!std::regex_search(tasks_command({"stack", target.pid_text()}).out, std::regex(R"(due ([4-9]|[1-9][0-9])s:)")))
    if (std::chrono::steady_clock::now() - begin > guard) throw std::runtime_error("no task is due for long");
}

/// Of the program whose context was stopped: its timer has expired, and a core does not tell what came in its pipe.
void expect_due(const std::string& core) {
  const auto stacks = tasks_command({"stack", "--core", core});
  EXPECT_THAT(stacks.out,
              ContainsRegex("\\[timer, [0-9]+s, expired, due [0-9]+s: no thread runs its io_context \\(stopped\\)"));
  EXPECT_THAT(stacks.out, ContainsRegex("\\[descriptor read, [0-9]+s, fd [0-9]+\\]:"));
  EXPECT_THAT(tasks_command({"vitals", "--core", core}).out,
              AllOf(HasSubstr("! no worker: 2 tasks wait, and no thread runs what would resume them\n"),
                    HasSubstr("! due: task 1, for ")));
  const auto leaks = tasks_command({"leaks", "--core", core});
  EXPECT_EQ(leaks.end.code, 3);
  EXPECT_THAT(leaks.out, HasSubstr("evidence: its timer has expired, and no thread runs its io_context (stopped)"));
  EXPECT_THAT(tasks_command({"why", "--core", core, "1"}).out,
              HasSubstr(": no thread runs its io_context (stopped)\nits timer has expired\n"));
}

TEST_F(Core, OfGcoreTellsWhichWaitsAreOver) {
  const program target({program_path("due"), "stopped"});
  wait_until_long_due(target);
  expect_due(gcore(target));
}

TEST_F(Core, OfGcoreOfAServerUnderLoadTellsOfNone) {
  const program target({program_path("due"), "load"});
  EXPECT_THAT(tasks_command({"vitals", "--core", gcore(target)}).out, Not(HasSubstr("! due")));
}

TEST_F(Core, OfTheKernelTellsWhichWaitsAreOver) {
  std::ifstream pattern("/proc/sys/kernel/core_pattern");
  std::string where;
  std::getline(pattern, where);
  if (where.starts_with('|') || where.find('/') != std::string::npos)
    GTEST_SKIP() << "the kernel hands cores to " << where;
  program target(
      {"sh", "-c", "ulimit -c unlimited && cd " + folder_.string() + " && exec " + program_path("due") + " stopped"});
  wait_until_long_due(target);
  target.send_signal(SIGABRT);
  EXPECT_EQ(target.wait().signal, SIGABRT);
  std::string core;
  for (const auto& file : fs::directory_iterator(folder_)) core = file.path().string();
  if (core.empty()) GTEST_SKIP() << "no core was written: the hard limit of its size is 0";
  expect_due(core);
}

class Signal : public Core, public ::testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(Deadly, Signal, ::testing::Values(SIGSEGV, SIGABRT));

TEST_P(Signal, LeavesACoreOfTheKernelThatIsRead) {
  std::ifstream pattern("/proc/sys/kernel/core_pattern");
  std::string where;
  std::getline(pattern, where);
  if (where.starts_with('|') || where.find('/') != std::string::npos)
    GTEST_SKIP() << "the kernel hands cores to " << where;
  // In its own folder, where the kernel writes it.
  const auto script =
      "ulimit -c unlimited && cd " + folder_.string() + " && exec " + program_path("lab") + " --leak send";
  program lab({"sh", "-c", script});
  wait_until_blocked(lab);
  lab.send_signal(GetParam());
  EXPECT_EQ(lab.wait().signal, GetParam());
  std::string core;
  for (const auto& file : fs::directory_iterator(folder_)) core = file.path().string();
  if (core.empty()) GTEST_SKIP() << "no core was written: the hard limit of its size is 0";
  const auto seen = tasks_command({"stack", "--core", core});
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  EXPECT_THAT(seen.out, HasSubstr("lab::worker"));
  EXPECT_THAT(seen.out, HasSubstr("lab::ask_replica"));
  // What gdb can tell of the same core: how many threads there were.
  const auto gdb = run({"gdb", "-batch", "-nx", "-ex", "info threads", program_path("lab"), core});
  const std::regex thread(R"(\n[* ]+[0-9]+ +Thread)");
  const auto text = "\n" + gdb.out;
  const auto threads = std::distance(std::sregex_iterator(text.begin(), text.end(), thread), std::sregex_iterator());
  EXPECT_THAT(tasks_command({"vitals", "--core", core}).out,
              HasSubstr("OS threads: " + std::to_string(threads) + "\n"));
}

TEST_F(Core, ThatIsCutOffGivesAClearErrorOrASmallerAnswer) {
  program lab({program_path("lab"), "--leak", "send"});
  const auto core = gcore(lab);
  const auto size = fs::file_size(core);
  for (const auto part : {size / 100, size / 10, size / 3, size / 2, size - 4096}) {
    fs::resize_file(core, part);
    const auto seen = tasks_command({"stack", "--core", core});
    EXPECT_EQ(seen.end.signal, 0);
    EXPECT_THAT(seen.err, HasSubstr("cut off")) << part;
    if (seen.end.code != 0) {
      EXPECT_EQ(seen.end.code, 1);
    }
  }
}

TEST_F(Core, RefusesAnExecutableThatDidNotDumpIt) {
  program lab({program_path("lab"), "--leak", "send"});
  wait_until_blocked(lab);
  const auto core = gcore(lab);
  const auto seen = tasks_command({"stack", "--core", core, "--exe", program_path("churn")});
  EXPECT_EQ(seen.end.code, 2);
  EXPECT_THAT(seen.err, HasSubstr("is not what dumped this core"));
  EXPECT_EQ(seen.out, "");
  EXPECT_THAT(tasks_command({"stack", "--core", core, "--exe", program_path("lab")}).out, HasSubstr("lab::worker"));
}

TEST_F(Core, OfAnExecutableThatHasMovedIsReadWithItsNewPlace) {
  const auto old_place = folder_ / "lab", new_place = folder_ / "elsewhere";
  fs::copy_file(program_path("lab"), old_place);
  std::string core;
  {
    program lab({old_place.string(), "--leak", "send"});
    wait_until_blocked(lab);
    core = gcore(lab);
  }
  fs::rename(old_place, new_place);
  EXPECT_THAT(tasks_command({"stack", "--core", core, "--exe", new_place.string()}).out, HasSubstr("lab::worker"));
}

TEST(WhatIsNoCore, IsRefusedInALine) {
  EXPECT_EQ(tasks_command({"stack", "--core", "/nonexistent"}).err,
            "tasks: core /nonexistent: cannot be opened: No such file or directory\n");
  EXPECT_EQ(tasks_command({"stack", "--core", "/"}).err, "tasks: core /: is no file\n");
  EXPECT_THAT(tasks_command({"stack", "--core", "/etc/passwd"}).err,
              HasSubstr("is no core file: it has no ELF header"));
  EXPECT_EQ(tasks_command({"stack", "--core", tasks_executable()}).err,
            "tasks: core " + tasks_executable() + ": is no core file, but a program or library\n");
  EXPECT_EQ(tasks_command({"stack", "--exe", "/bin/true"}).end.code, 2);
  EXPECT_EQ(tasks_command({"stack", "-p", "1", "--core", "/etc/passwd"}).end.code, 2);
}

TEST_F(Core, OfAProgramWithoutCoroutinesSaysSo) {
  program plain(program::unready{}, {"cat"});
  const auto seen = tasks_command({"stack", "--core", gcore(plain)});
  EXPECT_EQ(seen.end.code, 1);
  EXPECT_THAT(seen.err, HasSubstr("not instrumented"));
}

}  // namespace
}  // namespace tasks::testing

// What the views say of a process that is stopped, by a signal or by whoever traces it: that it is, once, without
// waiting for its agent, and nothing about what it has not done since.

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "support/program.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

/// Whoever waits for an agent waits longer than any test may.
const std::vector<std::string> patient = {"--timeout", "3600"};

outcome tasks_command(std::vector<std::string> words) {
  words.insert(words.begin(), tasks_executable());
  words.insert(words.end(), patient.begin(), patient.end());
  return run(words);
}

/// Holds all threads of a process, as a debugger does.
class debugger {
 public:
  explicit debugger(pid_t pid) {
    for (const auto& each : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
      const pid_t tid = std::stoi(each.path().filename());
      if (::ptrace(PTRACE_SEIZE, tid, nullptr, nullptr) != 0 ||
          ::ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr) != 0 || ::waitpid(tid, nullptr, __WALL) != tid)
        throw std::runtime_error("a thread cannot be traced");
      tids_.push_back(tid);
    }
  }
  ~debugger() {
    for (const auto tid : tids_) ::ptrace(PTRACE_DETACH, tid, nullptr, nullptr);
  }
  debugger(const debugger&) = delete;
  debugger& operator=(const debugger&) = delete;

 private:
  std::vector<pid_t> tids_;
};

v1::ProcessView listed(const program& target) {
  const auto list = view<v1::ListView>({"list", "--timeout", "3600"});
  const auto its = std::find_if(list.processes().begin(), list.processes().end(),
                                [&](const auto& each) { return static_cast<pid_t>(each.pid()) == target.pid(); });
  if (its == list.processes().end()) throw std::runtime_error("it is not listed");
  return *its;
}

TEST(StoppedBySignal, IsListedAsSuch) {
  program lab({program_path("lab"), "--leak", "send"});
  EXPECT_EQ(listed(lab).stopped(), "");
  lab.suspend();
  const auto seen = listed(lab);
  EXPECT_EQ(seen.stopped(), "stopped by a signal");
  EXPECT_FALSE(seen.has_tracer_pid());
  EXPECT_EQ(seen.agent(), v1::ProcessView::SILENT);
  EXPECT_EQ(seen.reason(), "stopped by a signal");
  EXPECT_GT(seen.tasks(), 0U);
  ASSERT_EQ(seen.findings_size(), 1);
  EXPECT_EQ(seen.findings(0), "it is stopped by a signal");
  EXPECT_THAT(
      tasks_command({"list"}).out,
      ContainsRegex("\n *" + lab.pid_text() + "! .*  lab(  .*)?  \\(stopped by a signal\\)\n"));  // of others, too
  lab.send_signal(SIGCONT);
}

TEST(StoppedBySignal, IsAFindingAndNotBlamedForWhatItHasNotDone) {
  program hung({program_path("hung"), "loop"});
  hung.suspend();
  const auto seen = tasks_command({"vitals", hung.pid_text(), "--stalled-after", "0.001"});
  EXPECT_EQ(seen.end.code, 0);
  EXPECT_THAT(seen.out, AllOf(HasSubstr("\n! it is stopped by a signal\n"), Not(HasSubstr("stalled"))));
  EXPECT_EQ(seen.err, "tasks: pid " + hung.pid_text() + ": it is stopped by a signal; reading its memory instead\n");
  EXPECT_EQ(view<v1::VitalsView>({"vitals", hung.pid_text()}).stopped(), "stopped by a signal");
  const auto leaks = tasks_command({"leaks", "-p", hung.pid_text(), "--stalled-after", "0.001"});
  EXPECT_THAT(leaks.out, AllOf(HasSubstr("\n! it is stopped by a signal\n"), Not(HasSubstr("stalled"))));
  EXPECT_EQ(leaks.end.code, 0) << leaks.out;
  hung.send_signal(SIGCONT);
}

TEST(StoppedBySignal, HasOldTimersWhereTheirAgeSaysSo) {
  program timers({program_path("timers")});
  timers.suspend();
  const auto seen = tasks_command({"leaks", "-p", timers.pid_text(), "--all", "--min-age", "0", "--no-prove"});
  EXPECT_THAT(seen.out, AllOf(HasSubstr("shore::steady_hour()"), HasSubstr("old: 1 task [timer, ")));
  timers.send_signal(SIGCONT);
}

TEST(StoppedByATracer, IsListedWithWhoTracesIt) {
  const program lab({program_path("lab"), "--leak", "send"});
  const debugger held(lab.pid());
  const auto seen = listed(lab);
  EXPECT_THAT(seen.stopped(),
              ContainsRegex("^stopped, traced by process " + std::to_string(::getpid()) + " \\(.*\\)$"));
  EXPECT_EQ(static_cast<pid_t>(seen.tracer_pid()), ::getpid());
  const auto vitals = view<v1::VitalsView>({"vitals", lab.pid_text()});
  EXPECT_EQ(vitals.stopped(), seen.stopped());
  EXPECT_EQ(static_cast<pid_t>(vitals.tracer_pid()), ::getpid());
  EXPECT_THAT(tasks_command({"list"}).out, HasSubstr("(" + seen.stopped() + ")"));
}

TEST(StoppedByATracer, HasValuesThoughNobodyElseCanStopIt) {
  const program target({program_path("hung"), "loop"});
  const debugger held(target.pid());
  const auto seen = view<v1::StackView>({"stack", "--locals", "--addresses", "--direct", target.pid_text()});
  ASSERT_EQ(seen.tasks_size(), 2);
  for (const auto& task : seen.tasks()) {
    ASSERT_EQ(task.frames_size(), 2);
    EXPECT_THAT(task.frames(1).address(), ::testing::StartsWith("0x"));
#if !defined(__clang__)
    ASSERT_EQ(task.frames(1).locals_size(), 1);
    EXPECT_EQ(task.frames(1).locals(0).name(), "step");
    EXPECT_EQ(task.frames(1).locals(0).value(), std::to_string(task.id()));
#endif
  }
}

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++found;
  return found;
}

TEST(StoppedByATracer, IsReportedFromMemoryAndTheReasonIsSaidOnce) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "of a sanitizer's address space no picture is taken";
#endif
  const program hung({program_path("hung"), "loop"});
  const debugger held(hung.pid());
  const auto seen = tasks_command({"report", hung.pid_text()});
  EXPECT_EQ(seen.end.code, 0) << seen.err;
  EXPECT_EQ(count(seen.out, "traces it already"), 1U) << seen.out;
  EXPECT_EQ(count(seen.err, "\n"), 1U) << seen.err;
  EXPECT_THAT(seen.out, AllOf(HasSubstr("\nshows    not one moment, but one view after the other: process "),
                              HasSubstr("there are no native stacks\n"), HasSubstr("hung::calculate(unsigned")));
}

TEST(StoppedByATracer, LetsNoOneElseStopItAndSaysWho) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "of a sanitizer's address space no picture is taken";
#endif
  const program lab({program_path("lab"), "--leak", "send"});
  wait_until_shown({"stack", "--kind", "channel-send", "-p", lab.pid_text()}, "ask_replica");
  const debugger held(lab.pid());
  const auto seen = tasks_command({"leaks", "-p", lab.pid_text(), "--min-age", "0"});
  EXPECT_THAT(seen.out, ContainsRegex("! nothing is proven[^\n]*: process [0-9]+ \\(.*\\) traces it already"));
}

}  // namespace
}  // namespace tasks::testing

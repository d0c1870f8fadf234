// `tasks top`, and other views that are watched, as one sees them in a terminal.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/client.hpp"
#include "support/program.hpp"

namespace tasks::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using words = std::vector<std::string>;

/// A terminal with a shell's command in it, which stays when that has ended.
class Top : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tasks-test-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  void TearDown() override {
    tmux({"kill-server"});
    fs::remove_all(folder_);
  }

  outcome tmux(words command) const {
    const words begin = {TASKS_TEST_TMUX, "-u", "-L", "top" + std::to_string(number_), "-f", "/dev/null"};
    command.insert(command.begin(), begin.begin(), begin.end());
    return run(command, {"TMUX_TMPDIR=" + folder_.string(), "TMUX", "NO_COLOR"});
  }
  /// `variables`: as of env(1).
  void start(const std::string& arguments, const std::string& variables = "", unsigned columns = 80,
             unsigned rows = 24) const {
    start_command("top " + arguments, variables, columns, rows);
  }
  void start_command(const std::string& words_of_tasks, const std::string& variables = "", unsigned columns = 80,
                     unsigned rows = 24) const {
    const auto command = "stty -a > before; env " + variables + " sh -c 'echo $$ > pid; exec " + tasks_executable() +
                         " " + words_of_tasks + "'; code=$?; stty -a > after; echo left with $code; exec cat";
    const auto started = tmux({"new-session", "-d", "-x", std::to_string(columns), "-y", std::to_string(rows), "-c",
                               folder_.string(), command});
    ASSERT_EQ(started.end.code, 0) << started.err;
  }
  void send(const std::string& key) const { tmux({"send-keys", key}); }
  void type(const std::string& text) const { tmux({"send-keys", "-l", text}); }
  void resize(unsigned columns, unsigned rows) const {
    tmux({"resize-window", "-x", std::to_string(columns), "-y", std::to_string(rows)});
  }
  [[nodiscard]] std::string seen() const { return tmux({"capture-pane", "-p"}).out; }
  [[nodiscard]] std::string state() const {
    return tmux({"display-message", "-p", "#{alternate_on} #{cursor_flag}"}).out;
  }
  /// A screen that has it, and is painted to its end: the same twice.
  std::string wait_for(const std::string& text) const {
    const auto deadline = std::chrono::steady_clock::now() + guard;
    for (std::string before;;) {
      auto now = seen();
      if (now.find(text) != std::string::npos && now == before) return now;
      before = now;
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("no \"" + text + "\" in:\n" + now);
    }
  }
  void wait_without(const std::string& text) const {
    const auto deadline = std::chrono::steady_clock::now() + guard;
    for (auto now = seen(); now.find(text) != std::string::npos; now = seen())
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("still \"" + text + "\" in:\n" + now);
  }
  /// One snapshot more, into `series`.
  void record_once(const words& pids) const {
    words command = {tasks_executable(), "record"};
    command.insert(command.end(), pids.begin(), pids.end());
    command.insert(command.end(), {"-o", (folder_ / "series").string(), "--for", "0"});
    const auto made = run(command);
    ASSERT_EQ(made.end.code, 0) << made.err;
  }
  [[nodiscard]] std::string read(const char* name) const {
    std::ifstream file(folder_ / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  /// Another terminal: a server that ends still has its socket for a while.
  void leave() {
    tmux({"kill-server"});
    ++number_;
  }

  fs::path folder_;
  int number_ = 0;
};

program listening_lab() {
  program lab({program_path("lab")});
  wait_until_shown({"stack", "--kind", "socket-accept", "-p", lab.pid_text()}, "listener");
  return lab;
}

TEST_F(Top, IsNotTheOnlyViewThatCanBeWatched) {
  auto lab = listening_lab();
  const auto pid = lab.pid_text();
  start_command("stack --group --watch 0.1 -p " + pid, "", 80, 60);
  wait_for(", every 0.1s\n");
  wait_for("lab::worker");
  const client connected(static_cast<std::uint16_t>(std::stoul(lab.value("port"))));
  const auto later = wait_for("lab::session");
  EXPECT_EQ(later.find(", every 0.1s"), later.rfind(", every 0.1s")) << later;
  lab.send_signal(SIGKILL);
  lab.wait();
  EXPECT_THAT(wait_for("left with 1"), HasSubstr("tasks: pid " + pid + ": no such process"));
}

TEST_F(Top, LeadsFromAProcessToWhyATaskWaits) {
  const auto lab = listening_lab();
  start("");
  wait_for(lab.pid_text());
  type("/" + lab.pid_text());
  send("Enter");
  wait_for("filter \"" + lab.pid_text() + "\"");
  send("Enter");
  wait_for("lab " + lab.pid_text() + ", up ");
  EXPECT_THAT(wait_for("lab::worker"), HasSubstr("RESUMES/s"));
  type("/worker");
  send("Enter");
  wait_for("filter \"worker\": 1 of ");
  send("Enter");
  wait_for("lab.cpp:86 channel receive");
  wait_for("\n         1  ");  // the first task's row: before it is there nothing is chosen
  send("Enter");
  wait_for("waits to receive from channel");
  type("q");
  send("Escape");
  wait_for("filter \"worker\": 1 of ");
}

TEST_F(Top, ShowsPagesOfOtherViews) {
  const auto lab = listening_lab();
  start("-p " + lab.pid_text());
  wait_for("lab::worker");
  type("t");
  EXPECT_THAT(wait_for("└─ task"), HasSubstr("> tree"));
  type("q");
  wait_for("s count");
  type("l");
  wait_for("> leaks");
  wait_without("looking");
  type("q");
  wait_for("s count");
  type("T");
  EXPECT_THAT(wait_for("idle worker"), HasSubstr("> threads"));
  type("q");
  wait_for("s count");
  type("?");
  wait_for("NAME-PID-DATE.tasks");
  type("q");
  wait_for("s count");
  type("s");
  wait_for("s growth");
  type("q");
  wait_for("left with 0");
}

TEST_F(Top, FitsTerminalsOfAnySize) {
  const auto lab = listening_lab();
  start("-p " + lab.pid_text(), "", 250, 70);
  EXPECT_THAT(wait_for("lab.cpp:86"), AllOf(HasSubstr("PLACE"), HasSubstr("lab::worker(std::shared_ptr<pool>)")));
  resize(80, 24);  // a terminal cuts what it shows at once, footer kept: it is painted anew when signatures are shorter
  EXPECT_THAT(wait_for("lab::worker(…)"), AllOf(HasSubstr("w record"), Not(HasSubstr("PLACE"))));
  resize(250, 70);
  wait_for("PLACE");
  resize(30, 6);
  wait_without("PLACE");
  resize(80, 24);
  wait_for("w record");
}

TEST_F(Top, ShowsAStoppedTargetAndHasColourForWhatIsWrong) {
  const auto lab = listening_lab();
  start("-p " + lab.pid_text());
  wait_for("lab::worker");
  lab.suspend();
  EXPECT_THAT(wait_for("stopped by a signal"), HasSubstr("lab::worker"));
  EXPECT_THAT(tmux({"capture-pane", "-p", "-e"}).out, HasSubstr("\033[33m"));
  lab.send_signal(SIGCONT);
  wait_without("stopped by a signal");
  type("q");
  wait_for("left with 0");
}

TEST_F(Top, HasNoColourWhereTheEnvironmentSaysSo) {
  const auto lab = listening_lab();
  start("-p " + lab.pid_text(), "NO_COLOR=1");
  wait_for("lab::worker");
  lab.suspend();
  wait_for("stopped by a signal");
  EXPECT_THAT(tmux({"capture-pane", "-p", "-e"}).out, Not(ContainsRegex("\033\\[([0-9]+;)*[349][0-7][;m]")));
  lab.send_signal(SIGCONT);
}

TEST_F(Top, SurvivesTheDeathOfItsTarget) {
  auto lab = listening_lab();
  const auto pid = lab.pid_text();
  start("-p " + pid);
  wait_for("lab::worker");
  lab.send_signal(SIGKILL);
  lab.wait();
  EXPECT_THAT(wait_for("! lab " + pid + " has ended; this is the picture of "), HasSubstr("lab::worker"));
  type("q");
  wait_for("left with 0");
}

TEST_F(Top, SaysThatItsTargetExecutesAnotherProgram) {
  program target({program_path("executing")});
  start("-p " + target.pid_text());
  wait_for("executing::wait");
  target.send_signal(SIGUSR1);
  EXPECT_THAT(wait_for("! it executes sleep now: not instrumented"), HasSubstr("executing::wait"));
}

TEST_F(Top, StandsStillWhilePaused) {
  const auto lab = listening_lab();
  start("-p " + lab.pid_text());
  wait_for("lab::worker");
  type("p");
  wait_for("paused");
  const client connected(static_cast<std::uint16_t>(std::stoul(lab.value("port"))));
  wait_until_shown({"stack", "--function", "lab::session", "-p", lab.pid_text()}, "[blocked: tasks");
  EXPECT_THAT(seen(), Not(HasSubstr("lab::session")));
  type("p");
  wait_for("lab::session");
}

TEST_F(Top, TellsWhoIsBusy) {
  const program target({program_path("timed")});
  start("-p " + target.pid_text());
  wait_for("timed::grind()");
  EXPECT_THAT(seen(), Not(HasSubstr("BUSY")));
  type("b");
  wait_for("BUSY");
  type("ssss");
  wait_for("s busy");
  // It runs for half of the time, all others together for much less: it comes first.
  const auto is_first = ::testing::Matches(ContainsRegex("BUSY .*\n[^%\n]* [0-9]+%[^\n]*timed::grind\\(\\)"));
  const auto deadline = std::chrono::steady_clock::now() + guard;
  while (!is_first(seen())) ASSERT_LT(std::chrono::steady_clock::now(), deadline) << seen();
  type("b");
  wait_without("BUSY");
}

TEST_F(Top, RecordsFromNowOn) {
  const auto lab = listening_lab();
  start("-p " + lab.pid_text());
  wait_for("lab::worker");
  type("w");
  wait_for("recording into lab-" + lab.pid_text() + "-");
  type("w");
  wait_for("recorded into lab-" + lab.pid_text() + "-");
  std::string file;
  for (const auto& each : fs::directory_iterator(folder_))
    if (each.path().extension() == ".tasks") file = each.path().string();
  const auto listed = run({tasks_executable(), "stack", "--from", file});
  EXPECT_EQ(listed.end.code, 0) << listed.err;
  EXPECT_THAT(listed.out, HasSubstr("lab::worker"));
}

TEST_F(Top, LeadsThroughTheTimeOfARecording) {
  const auto lab = listening_lab();
  record_once({lab.pid_text()});
  const client connected(static_cast<std::uint16_t>(std::stoul(lab.value("port"))));
  wait_until_shown({"stack", "--function", "lab::session", "-p", lab.pid_text()}, "[blocked: tasks");
  record_once({lab.pid_text()});
  start("--from series");
  wait_for("lab::session");
  EXPECT_THAT(seen(), HasSubstr("snapshot 2 of 2, "));
  send("Left");
  wait_for("snapshot 1 of 2, ");
  EXPECT_THAT(seen(), AllOf(HasSubstr("lab::worker"), Not(HasSubstr("lab::session"))));
  send("Left");
  send("Right");
  wait_for("snapshot 2 of 2, ");
  EXPECT_THAT(seen(), HasSubstr("lab::session"));
  type("t");
  wait_for("lab::read_line");
}

TEST_F(Top, LeadsThroughARecordingOfSeveralProcesses) {
  const auto lab = listening_lab(), other = listening_lab();
  record_once({lab.pid_text(), other.pid_text()});
  const client connected(static_cast<std::uint16_t>(std::stoul(lab.value("port"))));
  wait_until_shown({"stack", "--function", "lab::session", "-p", lab.pid_text()}, "[blocked: tasks");
  record_once({lab.pid_text(), other.pid_text()});
  start("--from series");
  wait_for("snapshot 2 of 2, ");
  EXPECT_THAT(seen(), AllOf(HasSubstr("processes: 2"), HasSubstr(lab.pid_text()), HasSubstr(other.pid_text())));
  type("/" + lab.pid_text());
  send("Enter");
  wait_for("1 of 2");
  send("Enter");
  wait_for("lab::session");
  EXPECT_THAT(seen(), HasSubstr("lab " + lab.pid_text()));
  send("Left");
  wait_for("lab::worker");
  wait_for("snapshot 1 of 2, ");
  EXPECT_THAT(seen(), Not(HasSubstr("lab::session")));
  send("Escape");
  wait_for("processes: 2");
  wait_for("snapshot 1 of 2, ");
  send("Right");
  wait_for("snapshot 2 of 2, ");
  type("t");
  wait_for("lab::read_line");
}

TEST_F(Top, IsRefusedWhereItCannotBeShown) {
  start("", "TERM=dumb");
  EXPECT_THAT(wait_for("left with 2"), HasSubstr("tasks: top: terminal \"dumb\" cannot move its cursor"));
  leave();
  start("", "TERM=none-such");
  EXPECT_THAT(wait_for("left with 2"), HasSubstr("tasks: top: terminal \"none-such\" is not known"));
  leave();
  start("-p 999999999");
  EXPECT_THAT(wait_for("left with 1"), HasSubstr("tasks: pid 999999999: "));
  const auto piped = run({tasks_executable(), "top"});
  EXPECT_EQ(piped.end.code, 2);
  EXPECT_EQ(piped.out, "");
  EXPECT_THAT(piped.err, ::testing::StartsWith("tasks: top: standard input and output are no terminal"));
  const auto wrong = run({tasks_executable(), "top", "--at", "3"});
  EXPECT_EQ(wrong.end.code, 2);
}

TEST_F(Top, GivesTheTerminalBackAsItWas) {
  const auto lab = listening_lab();
  for (const int signal : {0, SIGINT, SIGTERM, SIGHUP}) {
    start("-p " + lab.pid_text());
    wait_for("lab::worker");
    EXPECT_EQ(state(), "1 0\n");
    if (signal == 0) {
      type("q");
    } else {
      ::kill(static_cast<pid_t>(std::stol(read("pid"))), signal);
    }
    wait_for("left with " + std::to_string(signal == 0 ? 0 : 128 + signal));
    EXPECT_EQ(state(), "0 1\n");
    EXPECT_EQ(read("before"), read("after"));
    EXPECT_NE(read("after"), "");
    leave();
  }
}

}  // namespace
}  // namespace tasks::testing

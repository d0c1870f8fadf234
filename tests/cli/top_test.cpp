// `tasks top`: what its model makes of answers and keys, and what one sees of it in a terminal.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/client.hpp"
#include "support/program.hpp"
#include "top/history.hpp"
#include "top/model.hpp"
#include "top/text_page.hpp"

namespace tasks::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using about = feed_question::about;

glance_group group_named(const std::string& function, std::uint64_t count, std::uint64_t oldest_ms = 0) {
  glance_group made;
  made.key = function;
  made.what = "timer";
  made.function = function;
  made.place = "pool.cpp:14";
  made.count = count;
  made.oldest_ms = oldest_ms;
  return made;
}

feed_answer groups_at(double seconds, std::vector<glance_group> groups, std::uint64_t ended = 0) {
  feed_answer made;
  made.to.is = about::groups;
  made.to.pid = 7;
  made.at = seconds;
  glimpse now;
  now.name = "server";
  now.pid = 7;
  now.at = seconds;
  now.when = "2026-01-31 12:30:05";
  for (const auto& each : groups) now.seen.vitals.set_tasks(now.seen.vitals.tasks() + each.count);
  now.seen.vitals.set_ended(ended);
  now.seen.groups = std::move(groups);
  made.glimpses.push_back(std::move(now));
  return made;
}

std::string text_of(const drawing& drawn) {
  std::string text;
  for (const auto& line : drawn.lines) {
    for (const auto& part : line) text += part.text;
    text += '\n';
  }
  return text;
}

/// The line that is chosen, in a table.
std::string chosen_in(const drawing& drawn) {
  for (std::size_t i = drawn.lines.size(); i-- > 0;)
    for (const auto& part : drawn.lines[i])
      if (part.as == tone::chosen) return part.text;
  return {};
}

class TopModel : public ::testing::Test {
 protected:
  TopModel() { static_cast<void>(model_.urgent_question()); }

  void type(std::string_view keys) {
    for (const char c : keys) model_.press({key::character, c});
  }
  void press(key which) { model_.press({which}); }
  [[nodiscard]] drawing drawn(std::size_t columns = 80) { return model_.draw({24, columns}); }
  [[nodiscard]] std::string text(std::size_t columns = 80) { return text_of(drawn(columns)); }

  top_model model_{{.pid = 7}};
};

TEST_F(TopModel, TellsRatesAndGrowthOfTwoLooks) {
  model_.take(groups_at(10, {group_named("serve()", 5)}));
  EXPECT_THAT(text(), AllOf(HasSubstr("server 7"), HasSubstr("      5        -  ")));
  model_.take(groups_at(12, {group_named("serve()", 9)}, 6));
  // Four more tasks in two seconds, and six that have ended meanwhile: ten were spawned.
  EXPECT_THAT(text(), AllOf(HasSubstr("tasks            9      +2.0/s"), HasSubstr("ended            6      +3.0/s"),
                            HasSubstr("spawned         15      +5.0/s"), HasSubstr("      9     +120  ")));
}

TEST_F(TopModel, FillsTheScreenAndNoMore) {
  std::vector<glance_group> many;
  for (int i = 0; i < 100; ++i) many.push_back(group_named("serve" + std::to_string(i) + "()", 1));
  model_.take(groups_at(1, many));
  for (const screen_size size : {screen_size{24, 80}, screen_size{70, 250}, screen_size{8, 40}, screen_size{1, 1}})
    EXPECT_LE(model_.draw(size).lines.size(), std::max<std::size_t>(size.rows, 7));
  EXPECT_EQ(model_.draw({24, 80}).lines.size(), 24u);
}

TEST_F(TopModel, SortsByTheNextColumn) {
  model_.take(groups_at(1, {group_named("many()", 9, 1000), group_named("old()", 1, 9000)}));
  EXPECT_THAT(chosen_in(drawn()), HasSubstr("many()"));
  type("ss");
  EXPECT_THAT(text(), HasSubstr("s age"));
  EXPECT_THAT(chosen_in(drawn()), HasSubstr("old()"));
}

TEST_F(TopModel, KeepsWhatIsChosenWhileOthersComeAndGo) {
  model_.take(groups_at(1, {group_named("first()", 9), group_named("second()", 5)}));
  press(key::down);
  EXPECT_THAT(chosen_in(drawn()), HasSubstr("second()"));
  model_.take(groups_at(2, {group_named("first()", 9), group_named("second()", 50), group_named("third()", 7)}));
  EXPECT_THAT(chosen_in(drawn()), HasSubstr("second()"));
}

TEST_F(TopModel, ShowsOnlyWhatWasTyped) {
  model_.take(groups_at(1, {group_named("Serve()", 9), group_named("listen()", 5)}));
  type("/serv");
  EXPECT_THAT(text(), AllOf(HasSubstr("Serve()"), Not(HasSubstr("listen()")), HasSubstr("\n/serv ")));
  type("q");  // is typed, too
  EXPECT_FALSE(model_.has_quit());
  press(key::erase);
  press(key::enter);
  EXPECT_THAT(text(), HasSubstr("filter \"serv\": 1 of 2"));
  press(key::escape);
  EXPECT_THAT(text(), HasSubstr("listen()"));
  type("q");
  EXPECT_TRUE(model_.has_quit());
}

TEST_F(TopModel, LeadsFromAGroupToItsTasksAndToWhyOneWaits) {
  model_.take(groups_at(1, {group_named("serve()", 2), group_named("other()", 1)}));
  press(key::enter);
  auto asked = model_.urgent_question();
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->is, about::tasks);
  EXPECT_EQ(asked->group.key, "serve()");
  auto answer = groups_at(2, {group_named("serve()", 2)});
  answer.to = *asked;
  auto& tasks = answer.tasks.emplace();
  tasks.tasks.resize(2);
  tasks.tasks[0].id = 31;
  tasks.tasks[1].id = 32;
  model_.take(answer);
  press(key::down);
  press(key::enter);
  asked = model_.urgent_question();
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->is, about::why);
  EXPECT_EQ(asked->task, 32u);
  EXPECT_FALSE(model_.urgent_question());
  feed_answer page;
  page.to = *asked;
  page.page = "task 32 \033[1mwaits\033[0m\n";
  model_.take(page);
  EXPECT_THAT(text(), AllOf(HasSubstr("task 32 waits\n"), HasSubstr("> why 32")));
  type("q");
  press(key::escape);
  EXPECT_THAT(chosen_in(drawn()), HasSubstr("serve()"));
}

TEST_F(TopModel, ThrowsAwayThePageThatNobodyWaitsForAnyMore) {
  model_.take(groups_at(1, {group_named("serve()", 2)}));
  type("t");
  feed_answer late;
  late.to = model_.urgent_question().value();
  late.page = "a tree";
  type("ql");
  static_cast<void>(model_.urgent_question());
  model_.take(late);
  EXPECT_THAT(text(), AllOf(HasSubstr("> leaks"), HasSubstr("looking"), Not(HasSubstr("a tree"))));
}

TEST_F(TopModel, LooksLessOftenWhereALookTakesLong) {
  auto quick = groups_at(1, {group_named("serve()", 2)});
  quick.took_ms = 50;
  model_.take(quick);
  EXPECT_EQ(model_.interval(), std::chrono::seconds(1));
  EXPECT_THAT(text(), HasSubstr("every 1s\n"));
  auto slow = groups_at(2, {group_named("serve()", 2)});
  slow.took_ms = 400;
  model_.take(slow);
  EXPECT_EQ(model_.interval(), std::chrono::seconds(1));  // it may have been held up once
  slow.glimpses[0].at = slow.at = 3;
  model_.take(slow);
  EXPECT_EQ(model_.interval(), std::chrono::seconds(8));
  EXPECT_THAT(text(), HasSubstr("every 8s: a look takes 400 ms\n"));
  auto waited = groups_at(4, {group_named("serve()", 2)});
  waited.took_ms = 2000;
  waited.has_waited = true;
  model_.take(waited);
  EXPECT_EQ(model_.interval(), std::chrono::seconds(8));
}

TEST_F(TopModel, KeepsTheLastPictureOfWhatHasEnded) {
  model_.take(groups_at(1, {group_named("serve()", 2)}));
  feed_answer gone;
  gone.to = model_.regular_question().value();
  gone.why_not = no_such_process(7);
  gone.has_ended = true;
  model_.take(gone);
  EXPECT_THAT(text(), AllOf(HasSubstr("! server 7 has ended; this is the picture of 2026-01-31 12:30:05"),
                            HasSubstr("serve()")));
  EXPECT_FALSE(model_.why_nothing());
  EXPECT_FALSE(model_.regular_question());
}

TEST_F(TopModel, SaysWhyThereNeverWasAnything) {
  feed_answer none;
  none.to = model_.regular_question().value();
  none.why_not = no_such_process(7);
  model_.take(none);
  EXPECT_TRUE(model_.why_nothing());
}

TEST_F(TopModel, BeginsAnewWithAnotherProgram) {
  model_.take(groups_at(1, {group_named("serve()", 2)}));
  model_.take(groups_at(2, {group_named("serve()", 3)}));
  auto other = groups_at(3, {group_named("run()", 3)});
  other.glimpses[0].anew = true;
  other.glimpses[0].name = "another";
  model_.take(other);
  EXPECT_THAT(text(), AllOf(HasSubstr("another 7"), HasSubstr("      3        -  ")));
}

TEST_F(TopModel, StandsStillWhilePausedAndRecordsAllTheSame) {
  model_.take(groups_at(1, {group_named("serve()", 2)}));
  type("p");
  EXPECT_THAT(text(), HasSubstr("paused"));
  EXPECT_FALSE(model_.regular_question());
  type("w");
  const auto asked = model_.urgent_question();
  ASSERT_TRUE(asked);
  EXPECT_TRUE(asked->record);
  auto kept = groups_at(2, {group_named("came()", 2)});
  kept.to = *asked;
  kept.recording = "server-7.tasks";
  model_.take(kept);
  EXPECT_THAT(text(), AllOf(HasSubstr("recording into server-7.tasks"), Not(HasSubstr("came()"))));
  EXPECT_TRUE(model_.regular_question());
  type("w");
  const auto end = model_.urgent_question();
  ASSERT_TRUE(end);
  EXPECT_FALSE(end->record);
  auto last = groups_at(3, {group_named("came()", 2)});
  last.to = *end;
  model_.take(last);
  EXPECT_THAT(text(), HasSubstr("recorded into server-7.tasks"));
}

TEST_F(TopModel, IsNotDrivenByNamesOfTheTarget) {
  auto answer = groups_at(1, {group_named("evil\033]0;title\007()", 2)});
  answer.glimpses[0].name = "ser\033ver";
  answer.note = "note\033[2J";
  model_.take(answer);
  EXPECT_EQ(text(250).find('\033'), std::string::npos);
  EXPECT_THAT(text(250), AllOf(HasSubstr("evil?]0;title?()"), HasSubstr("ser?ver 7"), HasSubstr("note?[2J")));
}

TEST(TopOfARecording, IsLedThroughItsTime) {
  top_model model({.pid = pid_t{0}, .is_recording = true});
  static_cast<void>(model.urgent_question());
  EXPECT_FALSE(model.regular_question());
  model.press({key::left});
  model.press({key::left});
  model.press({key::right});
  const auto asked = model.urgent_question();
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->step, -1);
  EXPECT_FALSE(model.urgent_question());
  auto answer = groups_at(5, {group_named("serve()", 2)});
  answer.to = *asked;
  answer.glimpses[0].number = 3;
  answer.glimpses[0].of = 17;
  model.take(answer);
  EXPECT_THAT(text_of(model.draw({24, 80})), HasSubstr("snapshot 3 of 17, 2026-01-31 12:30:05"));
}

TEST(History, DrawsTheNewestOnTheRight) {
  history seen;
  EXPECT_EQ(seen.line(3), "   ");
  for (const double each : {9.0, 0.0, 1.0, 2.0}) seen.add(each);
  EXPECT_EQ(seen.line(3), "▁▅█");
  EXPECT_EQ(seen.line(5), " █▁▂▃");
}

TEST(TextPage, ScrollsAndTakesColoursForWhatTheyMean) {
  text_page page;
  page.set_text("\033[1mone\033[0m two\n\tthree\nfour\n");
  const auto lines = page.draw(2);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0], (drawn_line{{"one", tone::strong}, {" two", tone::usual}}));
  EXPECT_EQ(lines[1], (drawn_line{{"    three", tone::usual}}));
  EXPECT_EQ(page.where(), "lines 1-2 of 3");
  EXPECT_TRUE(page.press({key::end}));
  EXPECT_TRUE(page.press({key::right}));
  EXPECT_EQ(text_of({page.draw(2)}), "e\n\n");
}

}  // namespace
}  // namespace tasks::cli

#ifdef TASKS_TEST_TMUX
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
  std::string wait_for(const std::string& text) const {
    const auto deadline = std::chrono::steady_clock::now() + guard;
    for (;;) {
      auto now = seen();
      if (now.find(text) != std::string::npos) return now;
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("no \"" + text + "\" in:\n" + now);
    }
  }
  void wait_without(const std::string& text) const {
    const auto deadline = std::chrono::steady_clock::now() + guard;
    for (auto now = seen(); now.find(text) != std::string::npos; now = seen())
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("still \"" + text + "\" in:\n" + now);
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
  wait_for(" channel receive\n");
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
  EXPECT_THAT(wait_for("worker"), HasSubstr("> threads"));
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
  resize(80, 24);
  wait_without("PLACE");
  EXPECT_THAT(wait_for("w record"), HasSubstr("lab::worker(…)"));
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
  const auto file = (folder_ / "series").string();
  const auto record = [&] {
    const auto made = run({tasks_executable(), "record", lab.pid_text(), "-o", file, "--for", "0"});
    ASSERT_EQ(made.end.code, 0) << made.err;
  };
  record();
  const client connected(static_cast<std::uint16_t>(std::stoul(lab.value("port"))));
  wait_until_shown({"stack", "--function", "lab::session", "-p", lab.pid_text()}, "[blocked: tasks");
  record();
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
#endif

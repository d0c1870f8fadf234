// `tasks top`: what its model makes of answers and keys, and its parts.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

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

TEST_F(TopModel, SearchesInAPageAndFiltersATable) {
  model_.take(groups_at(1, {group_named("serve()", 2)}));
  type("t");
  feed_answer page;
  page.to = model_.urgent_question().value();
  page.page = "a root\nits query\n";
  model_.take(page);
  type("/q");
  EXPECT_THAT(text(), HasSubstr("\n/q ")) << "and does not go back";
  press(key::enter);
  EXPECT_THAT(text(), AllOf(HasSubstr("\"q\" in line 2"), HasSubstr("n N next, previous")));
  type("q/q");
  EXPECT_THAT(text(), HasSubstr("\n/q "));
  press(key::enter);
  EXPECT_THAT(text(), HasSubstr("filter \"q\": 0 of 1"));
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

TEST_F(TopModel, HasRunsTimedWhileThatIsAskedFor) {
  model_.take(groups_at(1, {group_named("serve()", 2), group_named("crunch()", 1)}));
  EXPECT_FALSE(model_.regular_question()->timed);
  EXPECT_THAT(text(120), AllOf(Not(HasSubstr("BUSY")), Not(HasSubstr("LONGEST"))));
  type("b");
  const auto asked = model_.urgent_question();
  ASSERT_TRUE(asked);
  EXPECT_TRUE(asked->timed);
  EXPECT_FALSE(model_.urgent_question());
  EXPECT_TRUE(model_.regular_question()->timed);
  auto groups = std::vector{group_named("serve()", 2), group_named("crunch()", 1)};
  groups[1].busy = 0.876;
  groups[1].longest_ns = 12'300'000;
  model_.take(groups_at(2, groups));
  EXPECT_THAT(text(120),
              AllOf(HasSubstr("   BUSY  LONGEST  "), HasSubstr("    88%     12ms  "), HasSubstr("      -        -  ")));
  type("ssss");  // growth, age, resumes, busy
  EXPECT_THAT(text(120), HasSubstr("s busy"));
  EXPECT_THAT(chosen_in(drawn()), HasSubstr("crunch()"));
  press(key::enter);  // its tasks' table has such columns too
  auto tasks = model_.urgent_question();
  ASSERT_TRUE(tasks);
  EXPECT_TRUE(tasks->timed);
  EXPECT_THAT(text(120), AllOf(HasSubstr("BUSY"), HasSubstr("LATE")));
  const auto look = [&](double at, std::uint64_t ran_ns) {
    auto answer = groups_at(at, groups);
    answer.to = *tasks;
    auto& told = answer.tasks.emplace();
    told.is_timed = true;
    told.tasks.resize(1);
    told.tasks[0].id = 31;
    told.tasks[0].timing.mutable_runs()->set_total_ns(ran_ns);
    told.tasks[0].timing.mutable_delays()->set_longest_ns(2'000'000);
    model_.take(answer);
  };
  look(3, 1'000'000'000);
  EXPECT_THAT(text(120), HasSubstr("2.0ms"));
  look(5, 2'500'000'000);
  EXPECT_THAT(text(120), HasSubstr("  75%  "));
  look(6, 1'000);  // begun anew meanwhile
  EXPECT_THAT(text(120), AllOf(HasSubstr("        0       -        -    2.0ms  "), Not(HasSubstr("75%"))));
  type("b");
  EXPECT_FALSE(model_.urgent_question()->timed);
  EXPECT_THAT(text(120), Not(HasSubstr("BUSY")));
  press(key::escape);
  EXPECT_THAT(text(120), AllOf(Not(HasSubstr("BUSY")), Not(HasSubstr("s busy"))));
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

/// One key too many at the beginning is none that has to be taken back.
TEST(TopOfARecording, BeginsTheWayBackAtItsEnds) {
  top_model model({.pid = pid_t{0}, .is_recording = true});
  const auto answer_at = [&](std::size_t number) {
    auto asked = model.urgent_question();
    ASSERT_TRUE(asked);
    auto answer = groups_at(5, {group_named("serve()", 2)});
    answer.to = *std::move(asked);
    answer.glimpses[0].number = number;
    answer.glimpses[0].of = 2;
    model.take(answer);
  };
  answer_at(1);
  for (const auto each : {key::left, key::left, key::right}) model.press({each});
  auto asked = model.urgent_question();
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->step, 1);
  model.press({key::right});  // while that is not answered yet: it will be the last one
  model.press({key::left});
  asked = model.urgent_question();
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->step, -1);
}

TEST(TopOfARecording, ListsItsProcessesAtATime) {
  top_model model({.pid = std::nullopt, .is_recording = true});
  const auto list_at = [&](std::size_t number) {
    auto asked = model.urgent_question();
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->is, about::processes);
    feed_answer answer;
    answer.to = *std::move(asked);
    answer.moment = {"2026-01-31 12:30:05", number, 4};
    for (const std::uint32_t pid : {7U, 8U}) {
      auto& process = *answer.processes.add_processes();
      process.set_pid(pid);
      process.set_tasks(number);
    }
    model.take(answer);
  };
  list_at(4);
  EXPECT_THAT(text_of(model.draw({24, 80})),
              AllOf(HasSubstr("processes: 2"), HasSubstr("snapshot 4 of 4, 2026-01-31")));
  model.press({key::left});
  list_at(3);
  EXPECT_THAT(text_of(model.draw({24, 80})), HasSubstr("snapshot 3 of 4"));
  EXPECT_FALSE(model.urgent_question());
  model.press({key::enter});
  const auto entered = model.urgent_question();
  ASSERT_TRUE(entered);
  EXPECT_EQ(entered->is, about::groups);
  EXPECT_EQ(entered->pid, 7);
  model.press({key::escape});
  list_at(2);  // where one was led meanwhile
  EXPECT_THAT(text_of(model.draw({24, 80})), HasSubstr("snapshot 2 of 4"));
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

void type(text_page& page, std::string_view keys) {
  for (const char c : keys) page.press({key::character, c});
}

std::string text_after(text_page& page, std::string_view keys) {
  type(page, keys);
  return text_of({page.draw(2)});
}

TEST(TextPage, IsSearchedAsInLess) {
  text_page page;
  page.set_text("one\ntwo\nThree\nfour\ntree\nsix\n");
  static_cast<void>(page.draw(2));
  type(page, "/thr");
  EXPECT_EQ(page.typed(), "thr");
  EXPECT_EQ(text_after(page, "q"), "one\ntwo\n") << "is typed, too";
  page.press({key::erase});
  page.press({key::enter});
  EXPECT_FALSE(page.typed());
  EXPECT_EQ(text_after(page, ""), "Three\nfour\n");
  EXPECT_EQ(page.where(), "lines 3-4 of 6; \"thr\" in line 3");
  EXPECT_EQ(text_after(page, "n"), "Three\nfour\n");
  EXPECT_EQ(page.where(), "lines 3-4 of 6; no \"thr\" further down");
  type(page, "g/ree");
  page.press({key::enter});
  EXPECT_EQ(text_after(page, "n"), "tree\nsix\n");
  EXPECT_EQ(text_after(page, "N"), "Three\nfour\n");
  EXPECT_EQ(text_after(page, "N"), "Three\nfour\n");
  EXPECT_THAT(page.where(), HasSubstr("no \"ree\" further up"));
  EXPECT_EQ(text_after(page, "G/"), "tree\nsix\n");
  page.press({key::escape});
  EXPECT_FALSE(page.typed());
  EXPECT_EQ(text_after(page, "gn"), "Three\nfour\n") << "from what is seen on";
}

TEST(TextPage, MarksWhatItLooksForAcrossColours) {
  text_page page;
  page.set_text("a \033[1mfou\033[0mr by Four\n");
  static_cast<void>(page.draw(2));
  type(page, "/four");
  page.press({key::enter});
  const auto lines = page.draw(2);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0], (drawn_line{{"a ", tone::usual},
                                  {"fou", tone::chosen},
                                  {"r", tone::chosen},
                                  {" by ", tone::usual},
                                  {"Four", tone::chosen}}));
}

}  // namespace
}  // namespace tasks::cli

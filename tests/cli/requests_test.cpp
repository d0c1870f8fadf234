// `tasks requests`, and labels in other views, of a program that serves three requests.

#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "support/program.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using words = std::vector<std::string>;

class Requests : public ::testing::Test {
 protected:
  [[nodiscard]] words of_target(words command) const {
    command.insert(command.begin() + 1, target_.pid_text());
    return command;
  }
  [[nodiscard]] v1::RequestsView seen(const words& more = {}) const {
    words command = {"requests"};
    command.insert(command.end(), more.begin(), more.end());
    return view<v1::RequestsView>(of_target(command));
  }
  [[nodiscard]] std::string shown(const words& command) const { return text(of_target(command)); }

  program target_{{program_path("requests")}};
};

std::map<std::string, std::uint64_t> counts(const v1::RequestsView& of) {
  std::map<std::string, std::uint64_t> found;
  for (const auto& each : of.requests()) found[each.value()] = each.tasks();
  return found;
}

std::optional<v1::RequestView> find(const v1::RequestsView& in, const std::string& value) {
  for (const auto& each : in.requests())
    if (each.value() == value) return each;
  ADD_FAILURE() << value;
  return std::nullopt;
}

TEST_F(Requests, AreAllTasksThatWorkForOne) {
  const auto all = seen();
  EXPECT_EQ(all.key(), "request");
  EXPECT_EQ(counts(all), (std::map<std::string, std::uint64_t>{{"7c1f", 3}, {"9a2e", 1}, {"5b0d", 1}}));
  EXPECT_EQ(all.labelled(), 5U);
  EXPECT_EQ(all.total(), 7U);
  EXPECT_TRUE(all.complete());
  EXPECT_EQ(all.notes_size(), 0);
  const auto pauses = find(all, "9a2e");
  ASSERT_TRUE(pauses);
  EXPECT_EQ(pauses->task().wait().kind(), v1::Wait::TIMER);
  EXPECT_THAT(pauses->task().frames(0).function(), HasSubstr("pauses()"));
  const auto computes = find(all, "5b0d");
  ASSERT_TRUE(computes);
  EXPECT_EQ(computes->running(), 1U);
  EXPECT_EQ(computes->task().state(), v1::Task::RUNNING);
}

/// serves() waits for query(), which tells more.
TEST_F(Requests, TellOfATaskThatDoesNotWaitForOthers) {
  const auto request = find(seen(), "7c1f");
  ASSERT_TRUE(request);
  EXPECT_NE(request->task().wait().kind(), v1::Wait::TASKS);
  EXPECT_THAT(request->task().frames(0).function(), ::testing::AnyOf(HasSubstr("query("), HasSubstr("fetch()")));
  EXPECT_EQ(request->task().labels().at("user"), "ann");
  EXPECT_FALSE(request->task().labels().contains("peer")) << "which is not inherited";
}

TEST_F(Requests, AreOfAnotherLabelWhereThatIsAskedFor) {
  const auto users = seen({"--by", "user"});
  EXPECT_EQ(users.key(), "user");
  EXPECT_EQ(counts(users), (std::map<std::string, std::uint64_t>{{"ann", 4}, {"bob", 1}}));
  EXPECT_EQ(counts(seen({"--by", "peer"})), (std::map<std::string, std::uint64_t>{{"::1", 1}}));
  EXPECT_EQ(counts(seen({"--name", "^conn 1$", "--by", "user"})), (std::map<std::string, std::uint64_t>{{"ann", 1}}));
  EXPECT_EQ(counts(seen({"--label", "request=9a2e"})), (std::map<std::string, std::uint64_t>{{"9a2e", 1}}));
  // Of those that have no label called request the one that most have.
  EXPECT_EQ(seen({"--function", "between_two"}).key(), "user");
  const auto one = seen({"--limit", "1"});
  EXPECT_EQ(one.requests_size(), 1);
  EXPECT_EQ(one.left_out(), 2U);
}

TEST_F(Requests, SayWhichLabelsThereAreWhereNoneIsFound) {
  const auto none = seen({"--by", "tenant"});
  EXPECT_EQ(none.requests_size(), 0);
  EXPECT_EQ(none.other_keys().at("request"), 5U);
  EXPECT_THAT(shown({"requests", "--by", "tenant"}),
              "no task has the label tenant (7 tasks)\n"
              "labels that tasks have: request 5, user 5, peer 1 (--by)\n");
  EXPECT_THAT(shown({"requests", "--function", "nobody"}),
              StartsWith("no task has a label (7 tasks): tasks::this_task::set_label(\"request\", "));
}

// request  OLDEST  TASKS  TASK                 STATE                     WHERE
// 7c1f        <1s      3  6 user=ann           socket read, <1s, fd 7 …  query(tcp::socket&) requests.cpp:39
TEST_F(Requests, AreATable) {
  const auto table = shown({"requests"});
  EXPECT_THAT(table, ContainsRegex("^request +OLDEST +TASKS +TASK +STATE +WHERE\n"));
  EXPECT_THAT(table,
              ContainsRegex("\n7c1f +[^ ]+ +3 +[0-9]+ user=ann +[^\n]*(query|fetch)\\([^\n]* requests.cpp:[0-9]+\n"));
  EXPECT_THAT(table,
              ContainsRegex("\n9a2e +[^ ]+ +1 +[0-9]+ user=bob +timer, [^\n]*pauses\\(\\) requests.cpp:[0-9]+\n"));
  EXPECT_THAT(table, HasSubstr("\n\n5 of 7 tasks have the label request\n"));
}

TEST_F(Requests, AreTheSameHoweverTheyAreRead) {
  const auto by_agent = counts(seen());
  EXPECT_EQ(counts(seen({"--direct"})), by_agent);
  char name[] = "/tmp/tasks-test-XXXXXX";
  const fs::path folder = ::mkdtemp(name);
  const auto file = (folder / "seen.tasks").string();
  EXPECT_NE(shown({"report", "-o", file}), "nothing");
  EXPECT_EQ(counts(view<v1::RequestsView>({"requests", "--from", file})), by_agent);
  EXPECT_THAT(text({"threads", "--from", file}), HasSubstr(" request=5b0d"));
  fs::remove_all(folder);
}

TEST_F(Requests, AreInEveryView) {
  EXPECT_THAT(shown({"stack", "--label", "request=7c1f"}),
              ContainsRegex("task [0-9]+ \"conn 1\" peer=::1 request=7c1f user=ann \\[blocked: tasks"));
  EXPECT_THAT(shown({"tree"}), ContainsRegex("task [0-9]+ request=7c1f user=ann  query\\("));
  EXPECT_THAT(shown({"threads"}), ContainsRegex("runs task [0-9]+ request=5b0d"));
  EXPECT_THAT(shown({"stack", "--group", "--by", "label=request"}), HasSubstr("request=9a2e"));
  EXPECT_THAT(shown({"channels"}), ContainsRegex("task [0-9]+ request=7c1f user=ann: tasks why"));
  const auto channels = view<v1::ChannelsView>(of_target({"channels"}));
  ASSERT_EQ(channels.channels_size(), 1);
  EXPECT_EQ(channels.channels(0).waiters(0).named(0).labels().at("request"), "7c1f");
  const auto threads = view<v1::ThreadsView>(of_target({"threads"}));
  EXPECT_TRUE(std::any_of(threads.threads().begin(), threads.threads().end(),
                          [](const auto& each) { return each.task_labels().contains("request"); }));
  EXPECT_THAT(shown({"stack", "--format", "goroutine-counts"}), HasSubstr("\"request\":\"7c1f\""));
}

TEST_F(Requests, OfABlockAreOverWithIt) {
  const auto stacks = view<v1::StackView>(of_target({"stack"}));
  const auto between = tasks_in(stacks, "waits");
  for (const auto& each : stacks.tasks())
    EXPECT_NE(each.labels().count("request") != 0 ? each.labels().at("request") : "", "0000");
  ASSERT_EQ(between.size(), 2U);
  EXPECT_THAT((std::vector{between[0].labels().size(), between[1].labels().size()}),
              ::testing::UnorderedElementsAre(0U, 1U));
}

}  // namespace
}  // namespace tasks::testing

// Which tasks a view is about, in which order, and under what they are put together.

#include <gmock/gmock.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "support/client.hpp"
#include "support/lab_script.hpp"
#include "support/program.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::uint64_t> ids_of(const v1::StackView& seen) {
  std::vector<std::uint64_t> ids;
  for (const auto& task : seen.tasks()) ids.push_back(task.id());
  return ids;
}

struct selecting {
  std::vector<std::string> options;
  std::vector<std::uint64_t> ids;  ///< of the lab's script: 1, 4, 5, 7, 18 and 19
};
class Selection : public ::testing::TestWithParam<selecting> {};
INSTANTIATE_TEST_SUITE_P(
    By, Selection,
    ::testing::Values(
        selecting{{"--function", "worker"}, {7, 18}}, selecting{{"--function", "^worker\\(.*\\)$"}, {7, 18}},
        selecting{{"--function", "^inner"}, {7}}, selecting{{"--function", "^chan"}, {}},
        selecting{{"--function", "inner|session"}, {4, 7}},
        selecting{{"--function", "inner", "--function", "session"}, {4, 7}},
        selecting{{"--function", "worker", "--state", "running"}, {18}}, selecting{{"--function", "initiate"}, {}},
        selecting{{"--function", "initiate", "--all-frames"}, {4, 5, 7}},
        selecting{{"--spawned-at", "server.cpp"}, {4, 5}}, selecting{{"--spawned-at", "server.cpp:41"}, {5}},
        selecting{{"--spawned-at", "lab/server.cpp:88"}, {4}},
        selecting{{"--spawned-at", "/src/lab/server.cpp:88"}, {4}},
        selecting{{"--spawned-at", "/lab/server.cpp:88"}, {}}, selecting{{"--spawned-at", "erver.cpp:88"}, {}},
        selecting{{"--spawned-at", "server.cpp:42"}, {}}, selecting{{"--name", "^conn"}, {4}},
        selecting{{"--name", "."}, {4}}, selecting{{"--label", "user"}, {4}}, selecting{{"--label", "user=ann"}, {4}},
        selecting{{"--label", "user=bob"}, {}}, selecting{{"--label", "user=bob", "--label", "user=ann"}, {4}},
        selecting{{"--label", "user=ann", "--label", "role"}, {}}, selecting{{"--thread", "77"}, {18}},
        selecting{{"--thread", "78"}, {}}, selecting{{"--fd", "4000"}, {4}}, selecting{{"--fd", "9,4000"}, {4}},
        selecting{{"--fd", "0"}, {}}, selecting{{"--older-than", "1m", "--function", "."}, {1, 7}},
        selecting{{"--kind", "timer", "--function", "."}, {5}}, selecting{{"--task", "4,19", "--function", "."}, {4}},
        selecting{{"--sort", "age"}, {1, 7, 4, 18, 5, 19}}, selecting{{"--sort", "id"}, {1, 4, 5, 7, 18, 19}},
        selecting{{"--sort", "age", "--function", "worker|session"}, {7, 4, 18}}));

TEST_P(Selection, IsWhatWasAskedForWhoeverTellsOfMore) {
  const fake_agent lab(lab_script());
  auto words = GetParam().options;
  words.insert(words.begin(), {"stack", "-p", lab.pid_text()});
  const auto seen = view<v1::StackView>(words);
  EXPECT_EQ(ids_of(seen), GetParam().ids);
  EXPECT_EQ(seen.shown(), GetParam().ids.size());
  EXPECT_EQ(seen.total(), 6U);
  EXPECT_TRUE(seen.complete());
}

TEST(Selections, OfWhichALimitLeavesSomeOutSaySo) {
  const fake_agent lab(lab_script());
  const std::vector<std::string> words = {"stack", lab.pid_text(), "--function", ".", "--limit", "2"};
  EXPECT_THAT(ids_of(view<v1::StackView>(words)), ElementsAre(1, 4));
  EXPECT_FALSE(view<v1::StackView>(words).complete());
  EXPECT_THAT(text(words), HasSubstr("\n2 of 5 tasks shown (--limit)\n"));
  auto by_age = words;
  by_age.insert(by_age.end(), {"--sort", "age"});
  EXPECT_THAT(ids_of(view<v1::StackView>(by_age)), ElementsAre(1, 7));
}

TEST(Selections, ThatNothingPassesSaySo) {
  const fake_agent lab(lab_script());
  EXPECT_EQ(text({"stack", lab.pid_text(), "--function", "nowhere"}), "none of 6 tasks matches\n");
}

TEST(Selections, OfGroupsAreMadeOfGroupsWhereTheseTell) {
  const fake_agent lab(lab_script());
  const auto seen = view<v1::StackView>({"stack", lab.pid_text(), "--group", "--function", "query"});
  ASSERT_EQ(seen.groups_size(), 1);
  EXPECT_THAT(seen.groups(0).ids(), ElementsAre(17U));  // whom the script names as a group alone
  EXPECT_EQ(seen.shown(), 1U);
}

TEST(Selections, OfGroupsAreMadeOfTasksWhereGroupsDoNotTell) {
  const fake_agent lab(lab_script());
  const auto seen = view<v1::StackView>({"stack", lab.pid_text(), "--group", "--label", "user"});
  ASSERT_EQ(seen.groups_size(), 1);
  EXPECT_THAT(seen.groups(0).ids(), ElementsAre(4U));
}

TEST(Selections, OfGroupsByGrowthLookTwice) {
  const fake_agent lab(lab_script());
  const std::vector<std::string> words = {"stack", lab.pid_text(), "--group"};
  auto by_growth = words;
  by_growth.insert(by_growth.end(), {"--sort", "growth", "--interval", "0.01"});
  EXPECT_EQ(text(by_growth), text(words)) << "nothing has grown";
  const auto seen = view<v1::StackView>(by_growth);
  ASSERT_GT(seen.groups_size(), 1);
  for (const auto& group : seen.groups()) {
    EXPECT_TRUE(group.has_growth_per_minute());
    EXPECT_EQ(group.growth_per_minute(), 0);
  }
  EXPECT_FALSE(view<v1::StackView>(words).groups(0).has_growth_per_minute());
}

TEST(Selections, OfATreeKeepWhatStandsAbove) {
  const fake_agent lab(lab_script());
  EXPECT_EQ(
      text({"tree", lab.pid_text(), "--kind", "timer"}),
      "task 1  main_loop()  server.cpp:88  [blocked: tasks]\n"
      "└─ task 4 \"conn 42\" user=ann  session(tcp::socket)  server.cpp:41  [socket read, 12s, fd 4000]  awaited\n"
      "   └─ task 5  main()::<lambda()>  main.cpp:9  [timer, <1s, expires in 48s]  awaited\n");
  const auto seen = view<v1::TreeView>({"tree", lab.pid_text(), "--kind", "timer"});
  EXPECT_EQ(seen.shown(), 1U);
  ASSERT_EQ(seen.roots_size(), 1);
  EXPECT_TRUE(seen.roots(0).above());
  EXPECT_TRUE(seen.roots(0).children(0).above());
  EXPECT_FALSE(seen.roots(0).children(0).children(0).above());
}

TEST(Selections, ThatMakeNoSenseAreErrors) {
  const std::vector<std::pair<std::vector<std::string>, const char*>> wrong = {
      {{"--function", "("}, "tasks: --function: \"(\" is no regular expression: "},
      {{"--spawned-at", "lab.cpp:x"},
       "tasks: --spawned-at: \"lab.cpp:x\" has no number behind its colon (FILE:LINE)\n"},
      {{"--spawned-at", ":7"}, "tasks: --spawned-at: no file is named "},
      {{"--label", "=ann"}, "tasks: --label: no label is named (KEY or KEY=VALUE)\n"},
      {{"--thread", "main"}, "tasks: --thread: \"main\" is no thread (a number)\n"},
      {{"--fd", "-1"}, "tasks: --fd: \"-1\" is no descriptor (a number)\n"},
      {{"--sort", "size"}, "tasks: --sort: \"size\" is no order (age, busy, count, growth, id)\n"},
      {{"--sort", "count"}, "tasks: --sort: only groups have a count (add --group, or sort by id or age)\n"},
      {{"--sort", "growth"}, "tasks: --sort: only groups grow (add --group, or sort by id or age)\n"},
      {{"--group", "--interval", "1"},
       "tasks: --interval: it is the time of --sort busy and of --sort growth (leave it out)\n"},
      {{"--sort", "id", "--group"}, "tasks: --sort: groups have no id (sort by count or age)\n"},
      {{"--by", "colour"}, "tasks: --by: \"colour\" is nothing that tasks have in common "},
      {{"--by", "label="}, "tasks: --by: \"label=\" is nothing that tasks have in common "}};
  for (const auto& [options, message] : wrong) {
    auto words = options;
    words.insert(words.begin(), {tasks_executable(), "stack", "-p", "1"});
    const auto seen = run(words);
    EXPECT_EQ(seen.end.code, 2) << message;
    EXPECT_THAT(seen.err, ::testing::StartsWith(message));
  }
}

/// A server of three clients, one of which has two sessions; and one task that has nothing to do with them.
fake_agent::script server_script() {
  fake_agent::script s;
  s.trailer.set_complete(true);
  s.trailer.set_total(4);
  s.trailer.set_matched(4);
  s.trailer.set_shown(4);
  v1::Chunk chunk;
  *chunk.add_locations() = make_location(1, "awaitable<void> session()", "/src/server.cpp", 10);
  *chunk.add_locations() = make_location(2, "awaitable<void> clock()", "/src/server.cpp", 20);
  for (std::uint64_t id = 1; id <= 4; ++id) {
    auto& task = *chunk.add_tasks();
    task.set_id(id);
    task.set_state(v1::Task::BLOCKED);
    task.set_age_ms(id * 1000);
    task.add_frames(id == 4 ? 2 : 1);
    auto& wait = *task.mutable_wait();
    wait.set_kind(id == 4 ? v1::Wait::TIMER : v1::Wait::CHANNEL_SEND);
    if (id == 4) continue;
    wait.set_object(id == 3 ? 0x2000 : 0x1000);
    (*task.mutable_labels())["user"] = id == 3 ? "bob" : "ann";
  }
  s.stacks = {chunk};
  return s;
}

std::vector<std::pair<std::string, std::uint64_t>> headings(const v1::StackView& seen) {
  std::vector<std::pair<std::string, std::uint64_t>> found;
  for (const auto& group : seen.groups()) found.emplace_back(group.under(), group.count());
  return found;
}

TEST(Headings, AreWhatTasksHaveInCommonTheLargestFirstAndUnknownOnesLast) {
  const fake_agent server(server_script());
  using heads = std::vector<std::pair<std::string, std::uint64_t>>;
  const auto by = [&](const char* what) {
    return headings(view<v1::StackView>({"stack", server.pid_text(), "--by", what}));
  };
  EXPECT_EQ(by("label=user"), (heads{{"user=ann", 2}, {"user=bob", 1}, {"", 1}}));
  EXPECT_EQ(by("object"), (heads{{"channel 0x1000", 2}, {"channel 0x2000", 1}, {"", 1}}));
  EXPECT_EQ(by("peer"), (heads{{"", 3}, {"", 1}}));
  EXPECT_EQ(text({"stack", server.pid_text(), "--by", "label=user", "--sort", "age"}),
            "== user=bob: 1 task\n\n"
            "1 task [channel send, 3s]:\nsession()\n\t/src/server.cpp:10\ntask 3: tasks why -p " +
                server.pid_text() +
                " 3\n\n"
                "== user=ann: 2 tasks\n\n"
                "2 tasks [channel send, oldest 2s]:\nsession()\n\t/src/server.cpp:10\ntasks 1, 2: tasks why -p " +
                server.pid_text() +
                " 1\n\n"
                "== without this label: 1 task\n\n"
                "1 task [timer, 4s]:\nclock()\n\t/src/server.cpp:20\ntask 4: tasks why -p " +
                server.pid_text() + " 4\n");
}

std::string site_of(const v1::TaskView& task) {
  const auto where = [](const v1::FrameView& f) {
    return f.file().substr(f.file().rfind('/') + 1) + ":" + std::to_string(f.line());
  };
  if (task.has_spawned_at()) return "spawned at " + task.spawned_at().function() + " " + where(task.spawned_at());
  if (!task.has_spawned_after()) return "";
  return "spawned in " + task.spawned_after().function() + ", after " + where(task.spawned_after());
}

TEST(Headings, OfSpawnSitesAndPeersAreThoseThatStackShows) {
  program target({program_path("lab")});
  const auto port = static_cast<std::uint16_t>(std::stoi(target.value("port")));
  client first(port), second(port);
  const auto tasks = stacks_at_rest(target, 15);
  const auto by_site = view<v1::StackView>({"stack", target.pid_text(), "--by", "spawn-site"});
  std::map<std::string, std::uint64_t> sites, expected;
  for (const auto& group : by_site.groups()) sites[group.under()] += group.count();
  for (const auto& task : tasks.tasks()) ++expected[site_of(task)];
  EXPECT_EQ(sites, expected);
  EXPECT_GT(sites.size(), 4U);
  const auto by_peer = view<v1::StackView>({"stack", target.pid_text(), "--by", "peer", "--kind", "socket-read"});
  EXPECT_EQ(headings(by_peer), (std::vector<std::pair<std::string, std::uint64_t>>{{"peer 127.0.0.1", 2}}));
}

}  // namespace
}  // namespace tasks::testing

// The CLI's small functions: ages, durations, addresses, socket names, tables and trees.

#include <gtest/gtest.h>

#include "base/table.hpp"
#include "base/words.hpp"
#include "linux/descriptors.hpp"
#include "linux/proc.hpp"
#include "surveys/task_tree.hpp"
#include "views/render.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;

TEST(Age, HasTwoUnitsAtMost) {
  EXPECT_EQ(format_age(12'999, 1000), "12s");
  EXPECT_EQ(format_age(60'000, 1000), "1m00s");
  EXPECT_EQ(format_age(192'000, 1000), "3m12s");
  EXPECT_EQ(format_age(11'545'000, 1000), "3h12m");
  EXPECT_EQ(format_age(100 * 3600'000ull, 1000), "4d04h");
}

TEST(Age, IsNoFinerThanItsResolution) {
  EXPECT_EQ(format_age(0, 1000), "<1s");
  EXPECT_EQ(format_age(999, 100), "<1s");
  EXPECT_EQ(format_age(4000, 5000), "<5s");
  EXPECT_EQ(format_age(5000, 5000), "5s");
}

TEST(Duration, TakesUnitsAndPlainSeconds) {
  EXPECT_EQ(parse_duration("30s"), 30s);
  EXPECT_EQ(parse_duration("0.5"), 500ms);
  EXPECT_EQ(parse_duration("1h30m"), 90min);
  EXPECT_EQ(parse_duration("200ms"), 200ms);
  EXPECT_EQ(parse_duration("1d"), 24h);
}

TEST(Duration, RefusesWhatIsNone) {
  for (const char* text : {"", "s", "-1", "1x", "1 s", "nan", "inf", "1e400", "5s5", "99999999999999d"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(Kind, IsTakenInEverySpelling) {
  EXPECT_EQ(parse_kind("channel-receive"), v1::Wait::CHANNEL_RECEIVE);
  EXPECT_EQ(parse_kind("channel receive"), v1::Wait::CHANNEL_RECEIVE);
  EXPECT_EQ(parse_kind("CHANNEL_RECEIVE"), v1::Wait::CHANNEL_RECEIVE);
  EXPECT_FALSE(parse_kind("channel"));
}

TEST(Kind, OfEveryNumberHasAName) {
  for (int kind = v1::Wait::Kind_MIN + 1; kind <= v1::Wait::Kind_MAX; ++kind) {
    const auto value = static_cast<v1::Wait::Kind>(kind);
    EXPECT_EQ(parse_kind(v1::Wait::Kind_Name(value)), value);
    EXPECT_EQ(kind_name(value) == "other", value == v1::Wait::OTHER) << kind;
  }
}

TEST(SocketAddress, IsReadAsTheKernelPrintsIt) {
  EXPECT_EQ(parse_address("0100007F:1F90"), "127.0.0.1:8080");
  EXPECT_EQ(parse_address("00000000000000000000000001000000:0050"), "[::1]:80");
  EXPECT_EQ(parse_address("rubbish"), "");
  EXPECT_EQ(parse_address("0100007F"), "");
  EXPECT_EQ(parse_address("xyz:1"), "");
}

TEST(Queues, AreReadFromTheKernelsTables) {
  const auto queues = parse_queues("0000002A:00000007");
  ASSERT_TRUE(queues);
  EXPECT_EQ(queues->send, 42U);
  EXPECT_EQ(queues->receive, 7U);
  EXPECT_FALSE(parse_queues("0000002A"));
  EXPECT_FALSE(parse_queues("rubbish:00"));
}

TEST(SocketPath, NamesItsProcessWhereAnAgentWouldPutIt) {
  for (const char* path : {"/run/user/1000/tasks/4131", "/tmp/tasks-1000/4131", "/tmp/tasks-0/4131-9f00ab"}) {
    const auto named = agent_named_by(path);
    ASSERT_TRUE(named) << path;
    EXPECT_EQ(named->pid, 4131);
    EXPECT_EQ(named->paths, std::vector<std::string>{path});
  }
  for (const char* path :
       {"/tmp/tasks/x", "/tmp/other/4131", "/tmp/tasks-x/4131", "/4131", "4131", "", "/tmp/tasks/-1", "/tmp/tasks/0",
        "/tmp/tasks/1-x", "/tmp/tasks/.", "/tmp/tasks/.-1f", "/tmp/tasks/99999999999"}) {
    EXPECT_FALSE(agent_named_by(path)) << path;
  }
}

TEST(SocketPath, AsItWasBoundLeadsToTheNamesThatItWasLinkedTo) {
  const auto named = agent_named_by("/tmp/tasks-0/.4131-9f00ab");
  ASSERT_TRUE(named);
  EXPECT_EQ(named->pid, 4131);
  EXPECT_EQ(named->paths, (std::vector<std::string>{"/tmp/tasks-0/4131-9f00ab", "/tmp/tasks-0/4131"}));
}

TEST(Stat, SurvivesANameWithParenthesesAndSpaces) {
  const auto stat = parse_stat("42 (a) b (c) S 7 42 42 0 -1 0 1 2 3 4 5 6 7 8 20 0 9 0 123456 1 2 3");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->pid, 42);
  EXPECT_EQ(stat->name, "a) b (c");
  EXPECT_EQ(stat->ppid, 7);
  EXPECT_EQ(stat->threads, 9u);
  EXPECT_EQ(stat->start_time, 123456u);
  EXPECT_FALSE(parse_stat(""));
  EXPECT_FALSE(parse_stat("42 (a"));
  EXPECT_FALSE(parse_stat("42 (a) S 7"));
}

TEST(Table, CountsCodePointsNotBytes) {
  fmt::memory_buffer out;
  render_table(out, {{true}, {}}, {{"1 ×", "a"}, {"10 ×", "b"}}, "", {});
  EXPECT_EQ(fmt::to_string(out), " 1 ×  a\n10 ×  b\n");
  EXPECT_EQ(cut("häßlich", 4), "häß…");
  EXPECT_EQ(cut("kurz", 4), "kurz");
}

v1::ProcessView process(std::uint32_t pid, std::uint64_t tasks, double uptime, std::string finding = "") {
  v1::ProcessView p;
  p.set_pid(pid);
  p.set_ppid(1);
  p.set_agent(v1::ProcessView::ANSWERED);
  p.set_counted(true);
  p.set_tasks(tasks);
  p.set_blocked(tasks);
  p.set_os_threads(3);
  p.set_uptime_seconds(uptime);
  p.set_name("lab");
  if (!finding.empty()) p.add_findings(finding);
  return p;
}

std::string listed(std::vector<v1::ProcessView> processes) {
  v1::ListView view;
  for (auto& p : processes) *view.add_processes() = p;
  fmt::memory_buffer out;
  render_list(out, view, {});
  return fmt::to_string(out);
}

TEST(List, HasItsColumnsBelowItsHeadersInAPipeToo) {
  EXPECT_EQ(listed({process(7, 5, 3), process(4194304, 1'234'567, 11'545)}),
            "    PID    PPID    TASKS  BLOCKED  THREADS  UPTIME  PROGRAM\n"
            "      7*      1        5        5        3  3s      lab\n"
            "4194304*      1  1234567  1234567        3  3h12m   lab\n");
  EXPECT_EQ(listed({process(7, 5, 3), process(512, 1, 0, "a deadlock")}),
            "   PID     PPID  TASKS  BLOCKED  THREADS  UPTIME  PROGRAM\n"
            "     7*       1      5        5        3  3s      lab\n"
            "   512*!      1      1        1        3  <1s     lab\n");
}

std::string drawn(const task_tree& tree) {
  std::string text;
  tree.walk([&](const task_tree::step& step) {
    if (step.what != task_tree::step::enter) return true;
    v1::Task task;
    tree.decode(step.node, task);
    text += std::string(step.branches) + std::to_string(task.id()) + (step.in_cycle ? " cycle\n" : "\n");
    return true;
  });
  return text;
}

task_tree tree_of(std::initializer_list<std::pair<std::uint64_t, std::uint64_t>> children_and_parents) {
  task_tree tree;
  for (const auto& [id, parent] : children_and_parents) {
    v1::Task task;
    task.set_id(id);
    task.set_parent(parent);
    tree.add(task);
  }
  tree.link();
  return tree;
}

TEST(Tree, IsOldestFirstAtEveryLevel) {
  EXPECT_EQ(drawn(tree_of({{5, 1}, {1, 0}, {6, 4}, {4, 1}, {9, 77}})), "1\n├─ 4\n│  └─ 6\n└─ 5\n9\n");
}

TEST(Tree, ShowsEveryTaskOfACycleOnce) {
  EXPECT_EQ(drawn(tree_of({{1, 2}, {2, 3}, {3, 1}, {4, 4}})), "4\n1 cycle\n└─ 3\n   └─ 2\n");
}

TEST(Tree, OfADeepChainNeedsNoDeepStack) {
  task_tree tree;
  for (std::uint64_t id = 1; id <= 3000; ++id) {
    v1::Task task;
    task.set_id(id);
    task.set_parent(id - 1);
    tree.add(task);
  }
  tree.link();
  std::size_t entered = 0;
  tree.walk([&](const task_tree::step& step) {
    entered += step.what == task_tree::step::enter;
    return true;
  });
  EXPECT_EQ(entered, 3000u);
}

}  // namespace
}  // namespace tasks::cli

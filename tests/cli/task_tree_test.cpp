// Trees of tasks, and how their branches are drawn.

#include <gtest/gtest.h>

#include <tuple>
#include <vector>

#include "surveys/task_tree.hpp"

namespace tasks::cli {
namespace {

std::string drawn(const task_tree& tree) {
  std::string text;
  tree.walk([&](const task_tree::step& step) {
    if (step.is != task_tree::step::enter) return true;
    v1::Task task;
    tree.decode(step.nodes.front(), task);
    text += std::string(step.branches) + std::to_string(task.id()) + (step.in_cycle ? " cycle" : "") +
            (step.nodes.size() > 1 ? " × " + std::to_string(step.nodes.size()) : "") +
            (step.chosen ? "\n" : " above\n");
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

std::string name_of(const v1::Task& task) { return task.name(); }

/// Of {name, id, parent}.
task_tree named_tree(const std::vector<std::tuple<const char*, std::uint64_t, std::uint64_t>>& tasks) {
  task_tree tree;
  for (const auto& [name, id, parent] : tasks) {
    v1::Task task;
    task.set_name(name);
    task.set_id(id);
    task.set_parent(parent);
    tree.add(task);
  }
  tree.link();
  return tree;
}

TEST(Tree, DrawsMoreThanThreeThatReadAlikeAsOneWithAllBelowThem) {
  std::vector<std::tuple<const char*, std::uint64_t, std::uint64_t>> tasks = {{"root", 1, 0}, {"other", 2, 1}};
  for (std::uint64_t session = 10; session < 50; session += 10) {
    tasks.emplace_back("session", session, 1);
    tasks.emplace_back("timer", session + 1, session);
    tasks.emplace_back("timer", session + 2, session);
  }
  tasks.emplace_back("session", 60, 1);  // has nothing below it, so it is another
  auto tree = named_tree(tasks);
  const auto whole = drawn(tree);
  tree.fold(name_of);
  EXPECT_EQ(drawn(tree), "1\n├─ 2\n├─ 10 × 4\n│  └─ 11 × 8\n└─ 60\n");
  EXPECT_NE(drawn(tree), whole);
}

TEST(Tree, DrawsThreeThatReadAlikeOneByOne) {
  auto tree = named_tree({{"a", 1, 0}, {"a", 2, 0}, {"a", 3, 0}, {"b", 4, 1}, {"b", 5, 2}, {"b", 6, 3}});
  tree.fold(name_of);
  EXPECT_EQ(drawn(tree), "1\n└─ 4\n2\n└─ 5\n3\n└─ 6\n");
}

TEST(Tree, FoldsNothingThatStandsInACycle) {
  auto tree = named_tree({{"a", 1, 2}, {"a", 2, 1}, {"a", 3, 4}, {"a", 4, 3}, {"a", 5, 6}, {"a", 6, 5}});
  tree.fold(name_of);
  EXPECT_EQ(drawn(tree), "1 cycle\n└─ 2\n3 cycle\n└─ 4\n5 cycle\n└─ 6\n");
}

TEST(Tree, HasWhatStandsAboveWhatWasChosenAndNothingElse) {
  task_tree tree;
  const std::uint64_t parents[] = {0, 1, 1, 2, 4, 3};
  for (std::uint64_t id = 1; id <= 6; ++id) {
    v1::Task task;
    task.set_id(id);
    task.set_parent(parents[id - 1]);
    tree.add(task, id == 4);
  }
  tree.link();
  EXPECT_EQ(drawn(tree), "1 above\n└─ 2 above\n   └─ 4\n");
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
  tree.fold([](const v1::Task&) { return std::string(); });
  std::size_t entered = 0;
  tree.walk([&](const task_tree::step& step) {
    entered += step.is == task_tree::step::enter;
    return true;
  });
  EXPECT_EQ(entered, 3000u);
}

}  // namespace
}  // namespace tasks::cli

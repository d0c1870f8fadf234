// Trees of tasks, and how their branches are drawn.

#include <gtest/gtest.h>

#include "surveys/task_tree.hpp"

namespace tasks::cli {
namespace {

std::string drawn(const task_tree& tree) {
  std::string text;
  tree.walk([&](const task_tree::step& step) {
    if (step.is != task_tree::step::enter) return true;
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
    entered += step.is == task_tree::step::enter;
    return true;
  });
  EXPECT_EQ(entered, 3000u);
}

}  // namespace
}  // namespace tasks::cli

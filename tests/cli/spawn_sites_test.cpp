// Where tasks were spawned, held against the source: programs/spawn_sites.cpp at several levels of optimization.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <set>
#include <stdexcept>
#include <string>

#include "support/program.hpp"
#include "support/view.hpp"

namespace tasks::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// The lines of the source by what they say that they spawn: "co_spawn(…);  // of_main".
std::map<std::string, std::set<unsigned>> spawning_lines() {
  std::ifstream source(TASKS_SPAWN_SITES_SOURCE);
  std::map<std::string, std::set<unsigned>> lines;
  std::string line;
  for (unsigned number = 1; std::getline(source, line); ++number)
    if (const auto at = line.rfind(" // "); at != std::string::npos && line.find(';') < at)
      lines[line.substr(at + 4)].insert(number);
  return lines;
}

/// "of_main" of the function that the task began with.
std::string root_of(const v1::TaskView& task) {
  const auto& frames = task.frames();
  const auto name = frames.empty() ? "" : place(frames.at(frames.size() - 1));
  return name.substr(0, name.find(' '));
}

class SpawnSite : public ::testing::TestWithParam<const char*> {
 protected:
  /// As soon as everything was spawned that will be.
  [[nodiscard]] v1::StackView stacks() const {
    const auto deadline = std::chrono::steady_clock::now() + guard;
    for (;;) {
      auto seen = view<v1::StackView>({"stack", target_.pid_text()});
      const auto is_last = [](const auto& task) { return root_of(task) == "of_nested"; };
      if (std::count_if(seen.tasks().begin(), seen.tasks().end(), is_last) == 2) return seen;
      if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("it does not spawn all of its tasks");
    }
  }

  program target_{{program_path(GetParam())}};
};

TEST_P(SpawnSite, OfEachTaskIsTheLineOfItsCoSpawn) {
  const auto lines = spawning_lines();
  ASSERT_GE(lines.size(), 30u);
  std::set<std::string> seen;
  const auto all = stacks();
  for (const auto& task : all.tasks()) {
    const auto root = root_of(task);
    ASSERT_TRUE(lines.contains(root)) << root;
    EXPECT_THAT(task.spawned_at().file(), HasSubstr("spawn_sites.cpp")) << root;
    EXPECT_THAT(lines.at(root), Contains(task.spawned_at().line())) << root;
    EXPECT_THAT(task.spawned_at().function(), Not(IsEmpty())) << root;
    EXPECT_FALSE(task.has_spawned_after()) << root;
    seen.insert(root);
  }
  EXPECT_EQ(seen.size(), lines.size());
}

TEST_P(SpawnSite, OfAGroupIsThatOfEachOfItsTasks) {
  std::map<std::uint64_t, std::pair<std::string, unsigned>> sites;
  const auto all = stacks();
  for (const auto& task : all.tasks()) sites[task.id()] = {task.spawned_at().function(), task.spawned_at().line()};
  const auto grouped = view<v1::StackView>({"stack", target_.pid_text(), "--group"});
  std::size_t tasks = 0;
  std::set<std::string> entries;
  for (const auto& group : grouped.groups()) {
    tasks += group.count();
    const auto& root = place(group.frames(group.frames_size() - 1));
    // The operands of an operator of Asio 1.22 are spawned by coroutines of its own; who awaits these, tasks alone
    // tell.
    EXPECT_EQ(group.has_spawned_at(), !root.starts_with("nested ")) << root;
    if (!group.has_spawned_at()) continue;
    for (const auto id : group.ids())
      EXPECT_EQ(sites.at(id), std::pair(group.spawned_at().function(), group.spawned_at().line()));
    std::string entry = group.spawned_at().function() + std::to_string(group.spawned_at().line());
    for (const auto& frame : group.frames()) entry += "\n" + place(frame);
    EXPECT_TRUE(entries.insert(entry).second) << "twice: " << entry;
  }
  EXPECT_EQ(tasks, sites.size());
}

INSTANTIATE_TEST_SUITE_P(At, SpawnSite, ::testing::Values(TASKS_SPAWN_SITES),
                         [](const auto& level) { return std::string(level.param); });

}  // namespace
}  // namespace tasks::testing

// Idle tasks whose only pointers never rest are looked at again and again: none is ever proven to be leaked.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "proof/target_proof.hpp"
#include "support/program.hpp"
#include "surveys/without_hook.hpp"
#include "target/target.hpp"

namespace tasks::cli {
namespace {

using testing::ending;
using ::testing::IsEmpty;
using testing::program;
using testing::program_path;

/// A program's tasks wait on channels; its idle ones are as many as there are ways to move what wakes them.
class moving {
 public:
  explicit moving(const std::vector<std::string>& words) : program_(words), ways_(std::stoi(program_.value("ways:"))) {}
  [[nodiscard]] pid_t pid() const { return program_.pid(); }
  [[nodiscard]] std::size_t ways() const { return static_cast<std::size_t>(ways_); }
  /// How many tasks it has woken by what it moved.
  std::size_t end() {
    program_.close_input();
    const auto woken = std::stoul(program_.read_until("woken: "));
    EXPECT_EQ(program_.wait(), (ending{0, 0}));
    return woken;
  }

 private:
  program program_;
  int ways_;
};

/// Of several looks. Tasks are told by their ids: the idle ones have the first, in the order of the program's table.
struct tally {
  std::size_t looks = 0, proven = 0, likely = 0, held = 0, undecided = 0, unchecked = 0;
  std::vector<std::uint64_t> accused;

  /// Where threads could not be stopped in time, nothing was looked at.
  void add(const result<proof_result>& found) {
    if (!found) {
      std::printf("no look: %s\n", in_words(found.why()).c_str());
      return;
    }
    ++looks;
    proven += found->proven;
    likely += found->likely;
    held += found->held;
    undecided += found->undecided;
    unchecked += found->unchecked;
    for (const auto& each : found->findings)
      if (each.verdict == certainty::proven) accused.push_back(each.task);
  }
  void print() const {
    std::printf("%zu looks: %zu proven, %zu likely, %zu held, %zu of them undecided, %zu unchecked\n", looks, proven,
                likely, held, undecided, unchecked);
  }
};

void expect_none_proven(const tally& seen, std::size_t ways) {
  seen.print();
  EXPECT_GT(seen.looks, 0u);
  EXPECT_THAT(seen.accused, IsEmpty());
  EXPECT_EQ(seen.proven, 0u);
  EXPECT_GE(seen.held + seen.likely + seen.unchecked, seen.looks * ways);  // all of them were looked at
}

TEST(Moving, PointersProveNothing) {
  moving target({program_path("moving")});
  const auto live = live_target(target.pid());
  tally seen;
  for (int i = 0; i < 150; ++i) seen.add(prove(*live, proof_stop::when_needed));
  expect_none_proven(seen, target.ways());
  EXPECT_EQ(target.end(), target.ways());
}

TEST(Moving, PointersProveNothingWithoutAHook) {
  moving target({program_path("moving_plain")});
  tally seen;
  for (int i = 0; i < 50; ++i) {
    const auto opened = open_without_hook(target.pid(), [](const std::string&) {});
    seen.add(opened ? prove(*(*opened)->from(), proof_stop::when_needed) : opened.why());
  }
  expect_none_proven(seen, target.ways());
  EXPECT_EQ(target.end(), target.ways());
}

/// Else the others would say nothing: it is what moves that holds them.
TEST(Moving, PointersThatAreForgottenProveMost) {
  moving target({program_path("moving"), "lost"});
  tally seen;
  seen.add(prove(*live_target(target.pid()), proof_stop::when_needed));
  seen.print();
  EXPECT_GT(seen.proven, target.ways() / 3);
  EXPECT_LE(seen.proven, target.ways());
  EXPECT_EQ(target.end(), 0u);
}

}  // namespace
}  // namespace tasks::cli

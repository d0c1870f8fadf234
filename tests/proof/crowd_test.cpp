// Four leaked tasks in a crowd that moves, on allocators that are known and unknown: no other task is ever proven.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <string_view>

#include "leak_table.hpp"

namespace tasks::testing {
namespace {

constexpr int leaked = 4;
constexpr int looks = 4;

struct verdicts {
  int proven = 0, others = 0;
  v1::LeaksView view;
};

verdicts look(const program& target) {
  verdicts seen;
  seen.view = leaks({"-p", target.pid_text(), "--stalled-after", "60"}).first;
  for (const auto& each : seen.view.leaks()) {
    if (each.verdict() != v1::LeakView::PROVEN) continue;
    const bool right = !each.frames().empty() && each.frames(0).function().starts_with("leaks::left_behind(");
    (right ? seen.proven : seen.others) += static_cast<int>(each.count() - each.likely());
  }
  return seen;
}

class Crowd : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(That, Crowd, ::testing::Values("busy", "many", "churn"),
                         [](const auto& form) { return std::string(form.param); });

TEST_P(Crowd, HidesNoLeakAndIsNotAccused) {
  program target({program_path("crowd"), GetParam()});
  int proofs = 0;
  for (int i = 0; i < looks; ++i) {
    const auto seen = look(target);
    EXPECT_EQ(seen.others, 0);
    EXPECT_TRUE(seen.proven == 0 || seen.proven == leaked) << seen.proven;
    if (seen.proven == leaked) ++proofs;
  }
  // While others run, a stale pointer on one of their stacks may cost every proof.
  if (GetParam() == std::string_view("many")) {
    EXPECT_GT(proofs, 0);
  }
  RecordProperty("proofs", proofs);
  EXPECT_EQ(target.stop(), (ending{0, 0}));
}

/// Its threads sleep: the first copy stops nobody. To prove what that says takes a stop, as long as a copy.
TEST(CrowdThatSleeps, IsLetGoWhereACopyTakesLongerThanItMayBeStopped) {
  program target({program_path("crowd"), "many"});
  const auto [seen, code] = leaks({"-p", target.pid_text(), "--max-stop", "1ms"});
  EXPECT_EQ(code, 4);
  EXPECT_EQ(seen.proven(), 0u);
  EXPECT_THAT(seen.notes(), ::testing::Contains(::testing::HasSubstr(
                                "to stop it and copy its memory takes longer than the 1 ms that it may be stopped")));
  EXPECT_EQ(target.stop(), (ending{0, 0}));
}

TEST_P(Crowd, IsNotAccusedWhenLinkedStatically) {
  program target({program_path("crowd_static"), GetParam()});
  for (int i = 0; i < 2; ++i) EXPECT_EQ(look(target).others, 0);
  EXPECT_EQ(target.stop(), (ending{0, 0}));
}

TEST_P(Crowd, IsNotAccusedOnTheAllocatorOfAddressSanitizer) {
  program target({program_path("crowd_asan"), GetParam()}, {"ASAN_OPTIONS=detect_leaks=0"});
  const auto seen = look(target);
  EXPECT_EQ(seen.others + seen.proven, 0);
  EXPECT_GE(seen.view.unchecked(), static_cast<unsigned>(leaked));
  EXPECT_EQ(target.stop(), (ending{0, 0}));
}

TEST_P(Crowd, IsNotAccusedOnJemalloc) {
  const std::string library = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2";
  if (!std::filesystem::exists(library)) GTEST_SKIP() << "needs " << library;
  program target({program_path("crowd"), GetParam()}, {"LD_PRELOAD=" + library});
  for (int i = 0; i < 2; ++i) EXPECT_EQ(look(target).others, 0);
  EXPECT_EQ(target.stop(), (ending{0, 0}));
}

}  // namespace
}  // namespace tasks::testing

// Since when tasks are seen as they are.

#include <gtest/gtest.h>

#include "hookless/sightings.hpp"

namespace tasks::cli {
namespace {

constexpr pid_t pid = 7;
constexpr std::uint64_t started = 100;

TEST(Sightings, GoBackToTheFirstOfTheLooksWithTheSameVersion) {
  sightings seen;
  seen.begin(pid, started, 1000);
  EXPECT_EQ(seen.see(5, 1), 1000U);
  EXPECT_EQ(seen.see(3, 1), 1000U);
  seen.end();
  seen.begin(pid, started, 2000);
  EXPECT_EQ(seen.see(3, 1), 1000U);
  EXPECT_EQ(seen.see(4, 1), 2000U);
  EXPECT_EQ(seen.see(5, 2), 2000U) << "it waits anew";
  seen.end();
  seen.begin(pid, started, 3000);
  EXPECT_EQ(seen.see(3, 1), 1000U);
  EXPECT_EQ(seen.see(5, 2), 2000U);
  EXPECT_EQ(seen.see(4, 2), 3000U);
}

TEST(Sightings, DoNotGoBeyondALookThatLacksTheTask) {
  sightings seen;
  for (const std::uint64_t now : {1000U, 2000U, 3000U}) {
    seen.begin(pid, started, now);
    if (now != 2000) {
      EXPECT_EQ(seen.see(5, 1), now);
    }
    seen.end();
  }
}

TEST(Sightings, OfALookThatFailedChangeNothing) {
  sightings seen;
  seen.begin(pid, started, 1000);
  EXPECT_EQ(seen.see(5, 1), 1000U);
  seen.end();
  seen.begin(pid, started, 2000);
  seen.begin(pid, started, 3000);
  EXPECT_EQ(seen.see(5, 1), 1000U);
}

TEST(Sightings, OfAnotherProcessAreForgotten) {
  sightings seen;
  seen.begin(pid, started, 1000);
  EXPECT_EQ(seen.see(5, 1), 1000U);
  seen.end();
  seen.begin(pid, started + 1, 2000);
  EXPECT_EQ(seen.see(5, 1), 2000U) << "the pid was given again";
  seen.end();
  seen.begin(pid + 1, started + 1, 3000);
  EXPECT_EQ(seen.see(5, 1), 3000U);
}

}  // namespace
}  // namespace tasks::cli

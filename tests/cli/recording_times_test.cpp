// `--at`: which snapshot of a recording is meant.

#include "commands/open_recording.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace tasks::testing {
namespace {

constexpr std::int64_t second = 1'000'000'000, minute = 60 * second;
/// 2026-01-31T12:00:00Z
constexpr std::int64_t noon = 1'769'860'800 * second;

/// One at noon, one half a second later, one each ten minutes until one o'clock.
std::vector<std::int64_t> times() {
  std::vector<std::int64_t> all{noon, noon + second / 2};
  for (int i = 1; i <= 6; ++i) all.push_back(noon + 10 * i * minute);
  return all;
}

std::optional<std::size_t> at(std::string_view text) {
  const auto chosen = cli::choose_snapshot(times(), text);
  if (chosen) return *chosen;
  EXPECT_EQ(chosen.why().code, cli::error_code::usage);
  EXPECT_NE(chosen.why().fact, "");
  return std::nullopt;
}

class Times : public ::testing::Test {
 protected:
  void SetUp() override { set_zone("UTC"); }
  void TearDown() override {
    ::unsetenv("TZ");
    ::tzset();
  }
  static void set_zone(const char* name) {
    ::setenv("TZ", name, 1);
    ::tzset();
  }
};

TEST_F(Times, AreNumbersFromOneOn) {
  EXPECT_EQ(at("1"), 0);
  EXPECT_EQ(at("8"), 7);
  EXPECT_EQ(at("0"), std::nullopt);
  EXPECT_EQ(at("9"), std::nullopt);
  EXPECT_EQ(at("99999999999999999999999"), std::nullopt);
}

TEST_F(Times, MeanTheLastSnapshotBeforeThem) {
  EXPECT_EQ(at("12:00:00"), 1);  // the whole second
  EXPECT_EQ(at("12:05"), 1);
  EXPECT_EQ(at("12:09:59"), 1);
  EXPECT_EQ(at("12:10:00"), 2);
  EXPECT_EQ(at("12:10"), 2);
  EXPECT_EQ(at("13:00"), 7);
  EXPECT_EQ(at("2026-01-31T12:20:00Z"), 3);
  EXPECT_EQ(at("2026-01-31T12:20:00"), 3);
  EXPECT_EQ(at("2026-01-31 12:20"), 3);
  EXPECT_EQ(at("-0s"), 7);
  EXPECT_EQ(at("-1s"), 6);
  EXPECT_EQ(at("-10m"), 6);
  EXPECT_EQ(at("-1h"), 0);
}

TEST_F(Times, OutsideOfARecordingAreRefused) {
  EXPECT_EQ(at("11:59:59"), std::nullopt);
  EXPECT_EQ(at("13:02"), std::nullopt);
  EXPECT_EQ(at("2026-01-30T12:20:00Z"), std::nullopt);
  EXPECT_EQ(at("2026-02-01T12:20:00Z"), std::nullopt);
  EXPECT_EQ(at("-2h"), std::nullopt);
}

TEST_F(Times, ThatAreNoneAreRefused) {
  for (const auto* text : {"", "noon", "12:", "25:00", "12:61", "-", "-5x", "2026-01-31", "1.5", "+1", "Z", "--5m"}) {
    EXPECT_EQ(at(text), std::nullopt) << text;
  }
}

TEST_F(Times, AreLocalUnlessTheySayOtherwise) {
  set_zone("CET-1");
  EXPECT_EQ(at("13:10"), 2);
  EXPECT_EQ(at("12:10Z"), 2);
  EXPECT_EQ(at("2026-01-31T13:10:00"), 2);
  EXPECT_EQ(at("2026-01-31T12:10:00Z"), 2);
  EXPECT_EQ(cli::format_time(noon), "2026-01-31 13:00:00");
}

}  // namespace
}  // namespace tasks::testing

// Ages, durations and kinds of waits in words, and back.

#include <gtest/gtest.h>

#include "base/quantities.hpp"
#include "base/words.hpp"

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

}  // namespace
}  // namespace tasks::cli

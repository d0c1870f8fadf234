// What TASKS_DUMP may say.
#include "dump/dump_options.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <string>

namespace tasks::detail {
namespace {

TEST(DumpOptions, AreWordsAndAPath) {
  const auto all = parse_dump_options("terminate,SIGQUIT,USR2,10,deadlock,exit:/var/log/a:b,%p");
  EXPECT_TRUE(all.on_terminate);
  EXPECT_TRUE(all.on_deadlock);
  EXPECT_TRUE(all.exits);
  EXPECT_EQ(all.signals, 1ull << SIGQUIT | 1ull << SIGUSR2 | 1ull << 10);
  EXPECT_STREQ(all.path, "/var/log/a:b,%p");
  EXPECT_STREQ(all.unknown, "");
}

TEST(DumpOptions, OfNothingAreNone) {
  for (const auto* text : {"", ",", ":", ":/path"}) EXPECT_FALSE(parse_dump_options(text).any()) << text;
}

TEST(DumpOptions, WordsThatMeanNothingAreKeptToBeTold) {
  const auto some = parse_dump_options("terminat,SIGFOO,0,64,99999999999,quit,terminate");
  EXPECT_TRUE(some.on_terminate);
  EXPECT_EQ(some.signals, 0u);
  EXPECT_STREQ(some.unknown, "terminat");
  EXPECT_EQ(std::string(parse_dump_options(std::string(100, 'x')).unknown), std::string(31, 'x'));
}

TEST(DumpOptions, APathThatIsTooLongIsNone) {
  EXPECT_STREQ(parse_dump_options("terminate:" + std::string(5000, 'x')).path, "");
}

TEST(ExpandPath, KnowsProcessTimeAndPercent) {
  char path[64];
  ASSERT_TRUE(expand_path("/%%a%x%p.%", path, sizeof path));
  EXPECT_EQ(std::string(path), "/%a%x" + std::to_string(getpid()) + ".%");
  ASSERT_TRUE(expand_path("%t", path, sizeof path));
  EXPECT_GT(std::stoll(path), 1'700'000'000);
}

TEST(ExpandPath, NeverWritesBeyondItsRoom) {
  char path[8] = "1234567";
  EXPECT_TRUE(expand_path("abc", path, 4));
  EXPECT_FALSE(expand_path("abcd", path, 4));
  EXPECT_FALSE(expand_path("%t", path, 4));
  EXPECT_FALSE(expand_path("%%%%%%%%", path, 4));
  EXPECT_STREQ(path + 4, "567");
}

}  // namespace
}  // namespace tasks::detail

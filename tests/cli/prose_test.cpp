// Sentences that are wider than a terminal.

#include "base/prose.hpp"

#include <gtest/gtest.h>

#include <string>

#include "base/table.hpp"

namespace tasks::cli {
namespace {

std::string printed(std::string_view line, unsigned width) {
  fmt::memory_buffer out;
  append_prose(out, line, {.width = width});
  return {out.data(), out.size()};
}

TEST(Prose, IsBrokenBetweenWords) {
  EXPECT_EQ(printed("evidence: 1 receiver waits on channel 0x10", 20),
            "evidence: 1 receiver\nwaits on channel\n0x10\n");
  EXPECT_EQ(printed("just as wide as that", 20), "just as wide as that\n");
}

TEST(Prose, GoesOnAsFarInAsItBegins) {
  EXPECT_EQ(printed("  one two three", 9), "  one two\n  three\n");
  EXPECT_EQ(printed("! one two three", 9), "! one two\n  three\n");
}

TEST(Prose, IsOneLineInAPipe) { EXPECT_EQ(printed("! a  b c ", 0), "! a  b c \n"); }

TEST(Prose, KeepsWordsThatAreWiderWhole) {
  EXPECT_EQ(printed("a std::map<int,int> b", 6), "a\nstd::map<int,int>\nb\n");
  EXPECT_EQ(printed("std::map<int,int>", 6), "std::map<int,int>\n");
}

TEST(Prose, CountsLettersAndNoColours) {
  EXPECT_EQ(printed("18 ⇄ 19 → 20", 12), "18 ⇄ 19 → 20\n");
  EXPECT_EQ(printed("\033[31mproven\033[0m: 2", 9), "\033[31mproven\033[0m: 2\n");
  EXPECT_EQ(printed("\033[33m! one two three\033[0m", 9), "\033[33m! one two\n  three\033[0m\n");
}

TEST(Prose, OfNothingIsAnEmptyLine) { EXPECT_EQ(printed("", 9), "\n"); }

/// Where no column shrinks.
TEST(Table, HasItsLastColumnCutWhereItIsTooWide) {
  fmt::memory_buffer out;
  render_table(out, {{true}, {}}, {{"N", "PLACE"}, {"1", "a/folder/with/a/long/name.cpp:12"}}, "", {.width = 20});
  EXPECT_EQ(std::string(out.data(), out.size()), "N  PLACE\n1  a/folder/with/a/…\n");
}

}  // namespace
}  // namespace tasks::cli

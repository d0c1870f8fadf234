// Pictures in the same place, and what is marked in them.

#include <gtest/gtest.h>

#include <string>

#include "views/repaint.hpp"

namespace tasks::cli {
namespace {

TEST(Repaint, SendsEachLineToItsPlaceAndClearsTheRest) {
  repainter painter;
  EXPECT_EQ(painter.paint("12:30:05", "one\n\ttwo\n", 24), "\033[H\033[K12:30:05\n\033[Kone\n\033[K\ttwo\033[J");
}

TEST(Repaint, FitsTheTerminal) {
  repainter painter;
  EXPECT_EQ(painter.paint("now", "one\ntwo\nthree\n", 3), "\033[H\033[Know\n\033[Kone\n\033[Ktwo\033[J");
}

TEST(Repaint, MarksLinesThatWereNotThereBefore) {
  repainter painter;
  static_cast<void>(painter.paint("now", "one\ntwo\ntwo\n", 24));
  EXPECT_EQ(
      painter.paint("now", "three\none\ntwo\ntwo\ntwo\n", 24),
      "\033[H\033[Know\n\033[K\033[7mthree\033[0m\n\033[Kone\n\033[Ktwo\n\033[Ktwo\n\033[K\033[7mtwo\033[0m\033[J");
  EXPECT_EQ(painter.paint("now", "three\n", 24), "\033[H\033[Know\n\033[Kthree\033[J");
}

TEST(Repaint, KeepsTheMarkThroughColoursOfALine) {
  repainter painter;
  static_cast<void>(painter.paint("now", "", 24));
  EXPECT_EQ(painter.paint("now", "\033[1mtask 7\033[0m waits\n", 24),
            "\033[H\033[Know\n\033[K\033[7m\033[1mtask 7\033[0;7m waits\033[0m\033[J");
}

TEST(Repaint, DoesNotTakeAgesForChanges) {
  EXPECT_EQ(without_ages("task 7 [channel receive, 3h12m]:"), without_ages("task 7 [channel receive, 4h1m]:"));
  EXPECT_EQ(without_ages("expires in 0.2s, fd 9"), without_ages("expires in 14s, fd 9"));
  EXPECT_EQ(without_ages("\033[1m5s\033[0m"), without_ages("<1s").substr(1));
  EXPECT_NE(without_ages("3 tasks"), without_ages("4 tasks"));
  EXPECT_NE(without_ages("task 12 [timer]"), without_ages("task 13 [timer]"));
  EXPECT_NE(without_ages("main.cpp:14"), without_ages("main.cpp:15"));
  EXPECT_NE(without_ages("x2s"), without_ages("x3s"));
  EXPECT_NE(without_ages("0x7d"), without_ages("0x8d"));
}

}  // namespace
}  // namespace tasks::cli

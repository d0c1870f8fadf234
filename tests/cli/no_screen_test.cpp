// `tasks top` where it was built without ncurses.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "top/feed.hpp"
#include "top/loop.hpp"

namespace tasks::cli {
namespace {

/// Nobody asks it.
class silent_feed final : public feed {
 public:
  feed_answer ask(const feed_question& /*question*/) override {
    ++asked;
    return {};
  }
  int asked = 0;
};

TEST(ATopWithoutNcurses, SaysSoAndLooksAtNothing) {
  silent_feed from;
  const auto done = run_top({.pid = 7}, from, false);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.why().code, error_code::system);
  EXPECT_EQ(message(done.why()), "tasks: top: built without ncurses (install libncurses-dev and build it again)");
  EXPECT_EQ(from.asked, 0);
}

}  // namespace
}  // namespace tasks::cli

// A program of which one source was compiled without the hook.

#include <gmock/gmock.h>

#include "mixed.hpp"
#include "support/look.hpp"

namespace {

using tasks::testing::look;
using tasks::testing::look_for_one;

asio::awaitable<void> waits(mixed_channel& c) { co_await c.async_receive(asio::use_awaitable); }
asio::awaitable<void> calls(mixed_channel& c) {
  co_await without_hook([&c] { return waits(c); });
}

TEST(Mixed, AFrameWithoutTheHookIsInTheStackAndWhatItCallsStaysWell) {
  asio::io_context context;
  mixed_channel c(context, 0);
  co_spawn(context, calls(c), asio::detached);
  context.poll();
  // without_hook     its resume address is all that is known; what it awaits is not seen
  // calls
  // co_spawn_entry_point
  const auto task = look_for_one("calls");
  ASSERT_EQ(task.frames.size(), 3u);
  EXPECT_TRUE(task.frames[0].code);
  EXPECT_TRUE(c.try_send(std::error_code(), 1));
  context.run();
  EXPECT_TRUE(look().empty());
}

asio::awaitable<void> calls_often(mixed_channel& c) {
  for (int i = 0; i < 100; ++i) co_await calls(c);
}

TEST(Mixed, ManyFramesOfBothKindsLeaveNothingBehind) {
  asio::io_context context;
  mixed_channel c(context, 0);
  for (int i = 0; i < 50; ++i) {
    co_spawn(context, calls_often(c), asio::detached);
    co_spawn(context, waits(c), asio::detached);
  }
  co_spawn(
      context,
      [&c]() -> asio::awaitable<void> {
        for (int i = 0; i < 50 * 101; ++i) co_await c.async_send({}, i, asio::use_awaitable);
      },
      asio::detached);
  context.run();
  EXPECT_TRUE(look().empty());
}

}  // namespace

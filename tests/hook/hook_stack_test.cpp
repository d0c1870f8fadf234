// Frames: what a stack shows, innermost first.

#include <gmock/gmock.h>
#include <unistd.h>

#include "support/look.hpp"
#include "support/net.hpp"

namespace {

using tasks::layout::record_state;
using tasks::testing::look;
using tasks::testing::look_for;
using tasks::testing::look_for_one;
using tasks::testing::seen_task;

int line_of_inner = 0, line_of_outer = 0;

awaitable<int> inner(channel& c) {
  line_of_inner = __LINE__ + 1;
  const int value = co_await c.async_receive(use_awaitable);
  co_return value;
}

awaitable<void> outer(channel& c) {
  line_of_outer = __LINE__ + 1;
  co_await inner(c);
}

TEST(HookStack, ABlockedTaskShowsItsWholeAwaitChainInnermostFirst) {
  net::io_context context;
  channel c(context, 3);
  co_spawn(context, outer(c), net::detached);
  context.poll();
  // async_result<…>::initiate   (Asio's leaf frame)
  // inner                        line_of_inner
  // outer                        line_of_outer
  // co_spawn_entry_point
  const auto task = look_for_one("outer");
  ASSERT_EQ(task.frames.size(), 4u);
  EXPECT_THAT(task.frames[0].function, testing::HasSubstr("initiate"));
  EXPECT_THAT(task.frames[1].function, testing::HasSubstr("inner"));
  EXPECT_EQ(task.frames[1].line, static_cast<unsigned>(line_of_inner));
  EXPECT_THAT(task.frames[1].file, testing::EndsWith("hook_stack_test.cpp"));
  EXPECT_EQ(task.frames[2].line, static_cast<unsigned>(line_of_outer));
  EXPECT_THAT(task.frames[3].function, testing::HasSubstr("co_spawn_entry_point"));
}

awaitable<void> look_at_myself(seen_task& found) {
  for (auto& t : look())
    if (t.state == record_state::running) found = t;
  co_return;
}

TEST(HookStack, AFrameThatHasNotAwaitedYetShowsItsCodeAddress) {
  net::io_context context;
  seen_task found{};
  co_spawn(context, look_at_myself(found), net::detached);
  context.run();
  ASSERT_EQ(found.frames.size(), 2u);
  EXPECT_TRUE(found.frames[0].code);
  EXPECT_EQ(found.frames[0].function, "");
}

TEST(HookStack, ARunningTaskNamesItsThread) {
  net::io_context context;
  seen_task found{};
  co_spawn(context, look_at_myself(found), net::detached);
  context.run();
  EXPECT_EQ(found.thread, static_cast<std::uint32_t>(gettid()));
}

awaitable<void> descend(int levels, channel& c) {
  if (levels > 0)
    co_await descend(levels - 1, c);
  else
    co_await c.async_receive(use_awaitable);
}

TEST(HookStack, AStackOf500FramesIsComplete) {
  net::io_context context;
  channel c(context, 0);
  co_spawn(context, descend(499, c), net::detached);
  context.poll();
  const auto task = look_for_one("descend");
  ASSERT_EQ(task.frames.size(), 502u);  // entry point, 500 × descend, initiate
  for (std::size_t i = 1; i <= 500; ++i) EXPECT_THAT(task.frames[i].function, testing::HasSubstr("descend"));
}

awaitable<void> descend_and_return(int levels) {
  if (levels > 0) co_await descend_and_return(levels - 1);
}

awaitable<void> up_and_down(channel& c) {
  for (const int levels : {100, 3, 30, 7, 8, 9, 22, 21}) {
    co_await descend_and_return(levels);
    const auto running = look();
    EXPECT_EQ(running.at(0).frames.size(), 2u) << "after " << levels;
  }
  co_await descend(40, c);
}

TEST(HookStack, FramesThatReturnedAreGoneWhateverTheDepthWas) {
  net::io_context context;
  channel c(context, 0);
  co_spawn(context, up_and_down(c), net::detached);
  context.poll();
  EXPECT_EQ(look_for_one("up_and_down").frames.size(), 44u);
}

awaitable<void> throws_below(int levels) {
  if (levels == 0) throw std::runtime_error("below");
  co_await throws_below(levels - 1);
}

awaitable<void> catches(channel& c) {
  for (const int levels : {2, 50}) {
    try {
      co_await throws_below(levels);
    } catch (const std::runtime_error&) {
      continue;  // no co_await in a handler
    }
    ADD_FAILURE() << "nothing was thrown";
  }
  co_await c.async_receive(use_awaitable);
}

TEST(HookStack, AnExceptionTakesItsFramesAway) {
  net::io_context context;
  channel c(context, 0);
  co_spawn(context, catches(c), net::detached);
  context.poll();
  EXPECT_EQ(look_for_one("catches").frames.size(), 3u);
}

awaitable<void> waits(channel& c) { co_await c.async_receive(use_awaitable); }

TEST(HookStack, ALambdaIsAFrameOfItsOwn) {
  net::io_context context;
  channel c(context, 0);
  co_spawn(
      context, [&c]() -> awaitable<void> { co_await waits(c); }, net::detached);
  context.poll();
  const auto task = look_for_one("lambda");
  ASSERT_EQ(task.frames.size(), 4u);
  EXPECT_THAT(task.frames[1].function, testing::HasSubstr("waits"));
}

TEST(HookStack, AnAwaitableThatIsNeverAwaitedIsNoFrameAndNoTask) {
  net::io_context context;
  channel c(context, 0);
  {
    const auto unused = waits(c);
    EXPECT_TRUE(look().empty());
  }
  EXPECT_TRUE(look().empty());
}

template <class Executor>
net::awaitable<void, Executor> on_executor(channel& c) {
  co_await c.async_receive(net::use_awaitable_t<Executor>{});
}

template <class Executor>
net::awaitable<void, Executor> above_executor(channel& c) {
  co_await on_executor<Executor>(c);
}

TEST(HookStack, EveryExecutorTypeIsCovered) {
  net::io_context context;
  channel c(context, 0);
  const auto strand = net::make_strand(context);
  co_spawn(strand, above_executor<net::strand<net::io_context::executor_type>>(c), net::detached);
  co_spawn(context, above_executor<net::io_context::executor_type>(c), net::detached);
  context.poll();
  const auto tasks = look_for("on_executor");
  ASSERT_EQ(tasks.size(), 2u);
  for (const auto& t : tasks) EXPECT_EQ(t.frames.size(), 4u);
}

}  // namespace

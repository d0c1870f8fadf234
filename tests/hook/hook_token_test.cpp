// Completion tokens: whatever an operation is awaited with, the task is seen, and ends.

#include <gmock/gmock.h>

#include <thread>

#include "support/look.hpp"
#include "support/net.hpp"

namespace {

using tasks::layout::wait_kind;
using tasks::testing::look;
using tasks::testing::look_for_one;

template <class Token>
struct with_token {
  Token token;
  awaitable<void> waits(channel& c) { co_await c.async_receive(token); }
};
template <class Token>
with_token(Token) -> with_token<Token>;

/// `elsewhere` runs too, where the token sends the task there.
template <class Token>
void expect_seen(Token token, net::io_context* elsewhere = nullptr) {
  net::io_context context;
  channel c(context, 0);
  with_token w{token};
  co_spawn(context, w.waits(c), net::detached);
  context.poll();
  EXPECT_EQ(look_for_one("waits").kind, wait_kind::channel_receive);
  EXPECT_TRUE(c.try_send(net_error(), 1));
  const auto poll = [](net::io_context& run) { return run.restart(), run.poll(); };
  while (poll(context) + (elsewhere ? poll(*elsewhere) : 0) != 0) {
  }
  EXPECT_TRUE(look().empty());
}

TEST(HookToken, UseAwaitable) { expect_seen(use_awaitable); }
TEST(HookToken, AsTuple) { expect_seen(as_tuple(use_awaitable)); }
TEST(HookToken, AsSingle) { expect_seen(net::experimental::as_single(use_awaitable)); }
TEST(HookToken, BindExecutor) {
  net::io_context elsewhere;
  expect_seen(net::bind_executor(elsewhere.get_executor(), use_awaitable), &elsewhere);
}
TEST(HookToken, BindCancellationSlot) {
  net::cancellation_signal signal;
  expect_seen(net::bind_cancellation_slot(signal.slot(), use_awaitable));
}
TEST(HookToken, RedirectError) {
  net_error error;
  expect_seen(net::redirect_error(use_awaitable, error));
}

template <class Token>
auto spawn_with(net::io_context& context, channel& c, Token&& token) {
  return co_spawn(
      context, [&c]() -> awaitable<int> { co_return co_await c.async_receive(use_awaitable); },
      std::forward<Token>(token));
}

TEST(HookToken, ATaskSpawnedWithAHandlerDeliversItsResult) {
  net::io_context context;
  channel c(context, 1);
  int result = 0;
  spawn_with(context, c, [&](std::exception_ptr, int value) { result = value; });
  context.poll();
  EXPECT_EQ(look().size(), 1u);
  EXPECT_TRUE(c.try_send(net_error(), 7));
  context.run();
  EXPECT_EQ(result, 7);
  EXPECT_TRUE(look().empty());
}

TEST(HookToken, ATaskSpawnedWithAFutureDeliversItsResult) {
  net::io_context context;
  channel c(context, 1);
  auto future = spawn_with(context, c, net::use_future);
  EXPECT_TRUE(c.try_send(net_error(), 7));
  context.run();
  EXPECT_EQ(future.get(), 7);
  EXPECT_TRUE(look().empty());
}

#if defined(TASKS_TEST_BOOST)
TEST(HookToken, ADeferredOperationIsAwaitedLater) {
  net::io_context context;
  channel c(context, 0);
  co_spawn(
      context,
      [&c]() -> awaitable<void> {
        auto operation = c.async_receive(net::deferred);
        co_await std::move(operation)(use_awaitable);
      },
      net::detached);
  context.poll();
  EXPECT_EQ(look_for_one("lambda").kind, wait_kind::channel_receive);
}
#endif

TEST(HookToken, DefaultTokensAreSeen) {
  using timer = net::use_awaitable_t<>::as_default_on_t<net::steady_timer>;
  net::io_context context;
  timer t(context, std::chrono::hours(1));
  co_spawn(
      context, [&t]() -> awaitable<void> { co_await t.async_wait(); }, net::detached);
  context.poll();
  EXPECT_EQ(look_for_one("lambda").kind, wait_kind::timer);
}

}  // namespace

// Waits: what a blocked task waits for.

#include <gmock/gmock.h>
#include <unistd.h>

#include <csignal>

#include "support/look.hpp"
#include "support/net.hpp"

namespace {

using net::ip::tcp;
using tasks::layout::detail_kind;
using tasks::layout::no_descriptor;
using tasks::layout::record_state;
using tasks::layout::wait_kind;
using tasks::testing::look;
using tasks::testing::look_for_one;

awaitable<void> sends(channel& c) { co_await c.async_send({}, 1, use_awaitable); }
awaitable<void> takes_one(channel& c) { co_await c.async_receive(use_awaitable); }

TEST(HookWait, AReceiverNamesTheChannelAndItsCapacity) {
  net::io_context context;
  channel c(context, 3);
  co_spawn(context, takes_one(c), net::detached);
  context.poll();
  const auto task = look_for_one("takes_one");
  EXPECT_EQ(task.state, record_state::blocked);
  EXPECT_EQ(task.kind, wait_kind::channel_receive);
  EXPECT_EQ(task.detail_kind, detail_kind::capacity);
  EXPECT_EQ(task.detail, 3u);
  EXPECT_EQ(task.fd, no_descriptor);
  const auto begin = reinterpret_cast<std::uintptr_t>(&c);
  EXPECT_GE(task.object, begin);
  EXPECT_LT(task.object, begin + sizeof c);
}

TEST(HookWait, ASenderIsToldFromAReceiver) {
  net::io_context context;
  channel c(context, 0);
  co_spawn(context, sends(c), net::detached);
  context.poll();
  EXPECT_EQ(look_for_one("sends").kind, wait_kind::channel_send);
}

TEST(HookWait, ATaskThatRanAgainCountsItsResumptions) {
  net::io_context context;
  channel c(context, 0);
  co_spawn(
      context,
      [&c]() -> awaitable<void> {
        co_await takes_one(c);
        co_await takes_one(c);
        co_await takes_one(c);
      },
      net::detached);
  context.poll();
  EXPECT_EQ(look_for_one("takes_one").resumes, 1u);  // from being ready
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(c.try_send(net_error(), 1));
    context.poll();
  }
  EXPECT_EQ(look_for_one("takes_one").resumes, 3u);
}

awaitable<void> sleeps(net::steady_timer& t) { co_await t.async_wait(use_awaitable); }

TEST(HookWait, ATimerTellsWhenItExpires) {
  net::io_context context;
  net::steady_timer timer(context, std::chrono::hours(1));
  co_spawn(context, sleeps(timer), net::detached);
  context.poll();
  const auto task = look_for_one("sleeps");
  EXPECT_EQ(task.kind, wait_kind::timer);
  EXPECT_EQ(task.detail_kind, detail_kind::steady_expiry);
  EXPECT_EQ(task.detail, static_cast<std::uint64_t>(timer.expiry().time_since_epoch() / std::chrono::nanoseconds(1)));
}

TEST(HookWait, ATimerThatNeverExpiresSaysSo) {
  net::io_context context;
  net::steady_timer timer(context, net::steady_timer::time_point::max());
  co_spawn(context, sleeps(timer), net::detached);
  context.poll();
  EXPECT_EQ(look_for_one("sleeps").detail, static_cast<std::uint64_t>(INT64_MAX));
}

TEST(HookWait, ATimerOnTheSystemClockSaysWhichClock) {
  net::io_context context;
  net::system_timer timer(context, std::chrono::hours(1));
  co_spawn(
      context, [&timer]() -> awaitable<void> { co_await timer.async_wait(use_awaitable); }, net::detached);
  context.poll();
  EXPECT_EQ(look_for_one("lambda").detail_kind, detail_kind::system_expiry);
}

TEST(HookWait, SocketOperationsNameTheirDescriptor) {
  net::io_context context;
  tcp::acceptor acceptor(context, {net::ip::address_v4::loopback(), 0});
  tcp::socket client(context), server(context), idle(context);
  co_spawn(
      context, [&]() -> awaitable<void> { server = co_await acceptor.async_accept(use_awaitable); }, net::detached);
  context.poll();
  auto task = look_for_one("lambda");
  EXPECT_EQ(task.kind, wait_kind::socket_accept);
  EXPECT_EQ(task.fd, static_cast<std::uint32_t>(acceptor.native_handle()));

  client.connect(acceptor.local_endpoint());
  context.restart();
  context.poll();
  ASSERT_TRUE(look().empty());

  char byte = 0;
  co_spawn(
      context, [&]() -> awaitable<void> { co_await net::async_read(server, net::buffer(&byte, 1), use_awaitable); },
      net::detached);
  context.restart();
  context.poll();
  task = look_for_one("lambda");
  EXPECT_EQ(task.kind, wait_kind::socket_read);
  EXPECT_EQ(task.fd, static_cast<std::uint32_t>(server.native_handle()));
  client.close();
  context.poll();
  EXPECT_TRUE(look().empty());
}

TEST(HookWait, WritingWaitingAndConnectingAreToldApart) {
  net::io_context context;
  tcp::acceptor acceptor(context, {net::ip::address_v4::loopback(), 0});
  tcp::socket client(context), server(context), other(context);
  client.connect(acceptor.local_endpoint());
  acceptor.accept(server);
  const std::vector<char> much(64u << 20);
  co_spawn(
      context, [&]() -> awaitable<void> { co_await net::async_write(client, net::buffer(much), use_awaitable); },
      net::detached);
  co_spawn(
      context, [&]() -> awaitable<void> { co_await client.async_wait(tcp::socket::wait_read, use_awaitable); },
      net::detached);
  // A connection that is not accepted stays half open only for a moment, so it is looked at before the reactor runs.
  co_spawn(
      context, [&]() -> awaitable<void> { co_await other.async_connect(acceptor.local_endpoint(), use_awaitable); },
      net::detached);
  std::vector<wait_kind> kinds;
  for (int i = 0; i < 3; ++i) context.run_one();
  for (const auto& t : look()) kinds.push_back(t.kind);
  EXPECT_THAT(kinds, testing::ElementsAre(wait_kind::socket_write, wait_kind::socket_wait, wait_kind::socket_connect));
}

TEST(HookWait, SignalsPipesAndResolversHaveKindsOfTheirOwn) {
  net::io_context context;
  net::signal_set signals(context, SIGUSR2);
  co_spawn(
      context, [&]() -> awaitable<void> { co_await signals.async_wait(use_awaitable); }, net::detached);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  net::posix::stream_descriptor reader(context, ends[0]);
  char byte = 0;
  co_spawn(
      context, [&]() -> awaitable<void> { co_await reader.async_read_some(net::buffer(&byte, 1), use_awaitable); },
      net::detached);
  context.poll();
  auto tasks = look();
  ASSERT_EQ(tasks.size(), 2u);
  EXPECT_EQ(tasks[0].kind, wait_kind::signal);
  EXPECT_EQ(tasks[1].kind, wait_kind::descriptor_read);
  EXPECT_EQ(tasks[1].fd, static_cast<std::uint32_t>(ends[0]));
  close(ends[1]);
  tcp::resolver resolver(context);
  co_spawn(
      context, [&]() -> awaitable<void> { co_await resolver.async_resolve("127.0.0.1", "80", use_awaitable); },
      net::detached);
  // Resolving goes through a thread of Asio's; its answer waits for the context, which does not run meanwhile.
  do context.run_one();
  while (!look().back().runs("initiate"));
  EXPECT_EQ(look().back().kind, wait_kind::resolve);
  signals.cancel();
  context.run();
}

awaitable<void> posts() { co_await net::post(use_awaitable); }

TEST(HookWait, ATaskThatPostedItselfWaitsForItsTurn) {
  net::io_context context;
  co_spawn(context, posts(), net::detached);
  context.run_one();
  EXPECT_EQ(look_for_one("posts").kind, wait_kind::post);
  context.run();
  EXPECT_TRUE(look().empty());
}

struct callback_api {
  std::function<void()> pending;
  awaitable<void> call() {
    auto start = [this](auto handler) {
      pending = [h = std::make_shared<decltype(handler)>(std::move(handler))] { std::move (*h)(); };
    };
    co_await net::async_initiate<const net::use_awaitable_t<>&, void()>(start, use_awaitable);
  }
};

TEST(HookWait, AnOperationThatAsioDoesNotNameIsBlockedOnSomethingElse) {
  net::io_context context;
  callback_api api;
  co_spawn(context, api.call(), net::detached);
  context.poll();
  const auto task = look_for_one("call");
  EXPECT_EQ(task.state, record_state::blocked_unknown);
  EXPECT_EQ(task.kind, wait_kind::other);
  api.pending();
  context.run();
  EXPECT_TRUE(look().empty());
}

}  // namespace

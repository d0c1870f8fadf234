// Operations that have parts: what a task waits for is the part that pends now.

#include <gmock/gmock.h>
#include <unistd.h>

#include "support/look.hpp"
#include "support/net.hpp"
#include "tasks/this_task.hpp"

namespace {

using net::experimental::make_parallel_group;
using net::experimental::wait_for_all;
using net::experimental::wait_for_one;
using tasks::layout::detail_kind;
using tasks::layout::record_state;
using tasks::layout::wait_kind;
using tasks::testing::look;
using tasks::testing::look_for_one;
using testing::ElementsAre;
using namespace std::chrono_literals;

/// Runs what is ready, and what becomes so by it.
void turn(net::io_context& context) {
  context.restart();
  context.poll();
}

/// Lets a timer end now.
void fire(net::steady_timer& timer, net::io_context& context) {
  timer.cancel();
  turn(context);
}

/// Three parts: a timer, a channel, and one that starts nothing of Asio's.
struct three_parts {
  net::steady_timer& timer;
  channel& messages;
  std::function<void()>& parked;
  int part = 0;

  template <class Self>
  void operator()(Self& self, net_error = {}, int = 0) {
    switch (part++) {
      case 0:
        timer.async_wait(std::move(self));
        break;
      case 1:
        messages.async_receive(std::move(self));
        break;
      case 2: {
        auto kept = std::make_shared<Self>(std::move(self));
        parked = [kept] { (*kept)(); };
        break;
      }
      default:
        self.complete();
    }
  }
};

TEST(HookPart, OfAComposedOperationThePartIsShownThatPendsNow) {
  net::io_context context;
  net::steady_timer timer(context, 1h);
  channel messages(context, 0);
  std::function<void()> parked;
  auto await = [&]() -> awaitable<void> {
    co_await net::async_compose<const net::use_awaitable_t<>&, void()>(three_parts{timer, messages, parked},
                                                                       use_awaitable, context);
  };
  co_spawn(context, await(), net::detached);
  turn(context);
  EXPECT_EQ(look_for_one("TestBody").kind, wait_kind::timer);
  const auto version = look_for_one("TestBody").version;
  fire(timer, context);
  auto task = look_for_one("TestBody");
  EXPECT_EQ(task.kind, wait_kind::channel_receive);
  EXPECT_EQ(task.state, record_state::blocked);
  EXPECT_GT(task.version, version);
  EXPECT_TRUE(messages.try_send(net_error(), 1));
  turn(context);
  task = look_for_one("TestBody");
  EXPECT_EQ(task.state, record_state::blocked_unknown);
  EXPECT_EQ(task.kind, wait_kind::other);
  parked();
  EXPECT_TRUE(look().empty());
}

TEST(HookPart, ReadingAllOfAMessageStaysOnItsDescriptor) {
  net::io_context context;
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  net::posix::stream_descriptor reader(context, ends[0]);
  char bytes[4];
  auto await = [&]() -> awaitable<void> { co_await net::async_read(reader, net::buffer(bytes), use_awaitable); };
  co_spawn(context, await(), net::detached);
  turn(context);
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(write(ends[1], "x", 1), 1);
    turn(context);
    const auto task = look_for_one("TestBody");
    EXPECT_EQ(task.kind, wait_kind::descriptor_read) << i;
    EXPECT_EQ(task.fd, static_cast<std::uint32_t>(ends[0])) << i;
  }
  ASSERT_EQ(write(ends[1], "x", 1), 1);
  turn(context);
  EXPECT_TRUE(look().empty());
  close(ends[1]);
}

TEST(HookPart, AGroupShowsItsMembersThatPend) {
  net::io_context context;
  net::steady_timer timer(context, 1h), other(context, 2h);
  channel messages(context, 0);
  auto await = [&]() -> awaitable<void> {
    co_await make_parallel_group(timer.async_wait(deferred), messages.async_receive(deferred),
                                 other.async_wait(deferred))
        .async_wait(wait_for_all(), use_awaitable);
  };
  co_spawn(context, await(), net::detached);
  turn(context);
  auto task = look_for_one("TestBody");
  EXPECT_EQ(task.members, 3u);
  EXPECT_EQ(task.ended_members, 0u);
  EXPECT_THAT(task.pending, ElementsAre(wait_kind::channel_receive, wait_kind::timer, wait_kind::timer));
  EXPECT_EQ(task.kind, wait_kind::channel_receive);
  EXPECT_EQ(task.detail_kind, detail_kind::capacity);

  EXPECT_TRUE(messages.try_send(net_error(), 1));
  turn(context);
  task = look_for_one("TestBody");
  EXPECT_EQ(task.ended_members, 1u);
  EXPECT_EQ(task.kind, wait_kind::timer);
  EXPECT_EQ(task.detail_kind, detail_kind::steady_expiry);

  fire(timer, context);
  task = look_for_one("TestBody");
  EXPECT_EQ(task.ended_members, 2u);
  EXPECT_THAT(task.pending, ElementsAre(wait_kind::timer));
  EXPECT_EQ(task.detail, static_cast<std::uint64_t>(other.expiry().time_since_epoch() / 1ns));
  fire(other, context);
  EXPECT_TRUE(look().empty());
}

TEST(HookPart, AGroupsMemberMayHavePartsOfItsOwn) {
  net::io_context context;
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  net::posix::stream_descriptor reader(context, ends[0]);
  net::steady_timer timer(context, 1h);
  char bytes[2];
  auto await = [&]() -> awaitable<void> {
    co_await make_parallel_group(net::async_read(reader, net::buffer(bytes), deferred), timer.async_wait(deferred))
        .async_wait(wait_for_all(), use_awaitable);
  };
  co_spawn(context, await(), net::detached);
  turn(context);
  ASSERT_EQ(write(ends[1], "x", 1), 1);
  turn(context);
  auto task = look_for_one("TestBody");
  EXPECT_EQ(task.kind, wait_kind::descriptor_read);
  EXPECT_EQ(task.fd, static_cast<std::uint32_t>(ends[0]));
  EXPECT_EQ(task.ended_members, 0u);
  ASSERT_EQ(write(ends[1], "x", 1), 1);
  turn(context);
  task = look_for_one("TestBody");
  EXPECT_EQ(task.kind, wait_kind::timer);
  fire(timer, context);
  EXPECT_TRUE(look().empty());
  close(ends[1]);
}

awaitable<void> takes(channel& c) { co_await c.async_receive(use_awaitable); }

TEST(HookPart, OfAGroupWithATaskTheTimerThatIsOverIsNotTheWait) {
  net::io_context context;
  net::steady_timer timer(context, 1h);
  channel messages(context, 0);
  auto await = [&]() -> awaitable<void> {
    co_await make_parallel_group(timer.async_wait(deferred), co_spawn(context, takes(messages), deferred))
        .async_wait(wait_for_all(), use_awaitable);
  };
  co_spawn(context, await(), net::detached);
  turn(context);
  auto parent = look_for_one("TestBody");
  EXPECT_EQ(parent.kind, wait_kind::timer);
  EXPECT_EQ(parent.task_members, 1u);
  EXPECT_TRUE(look_for_one("takes").awaited);
  fire(timer, context);
  parent = look_for_one("TestBody");
  EXPECT_EQ(parent.kind, wait_kind::tasks);
  EXPECT_EQ(parent.ended_members, 1u);
  EXPECT_TRUE(messages.try_send(net_error(), 1));
  turn(context);
  EXPECT_TRUE(look().empty());
}

TEST(HookPart, TheTaskOfAGroupMayBeginBeforeItsOperation) {
  net::io_context context;
  net::steady_timer timer(context, 1h);
  channel first(context, 0), second(context, 0);
  auto await = [&]() -> awaitable<void> {
    co_await make_parallel_group(co_spawn(context, takes(first), deferred), timer.async_wait(deferred),
                                 co_spawn(context, takes(second), deferred))
        .async_wait(wait_for_all(), use_awaitable);
  };
  co_spawn(context, await(), net::detached);
  turn(context);
  const auto parent = look_for_one("TestBody");
  EXPECT_EQ(parent.kind, wait_kind::timer);
  EXPECT_EQ(parent.members, 3u);
  EXPECT_EQ(parent.task_members, 2u);
  for (const auto& task : tasks::testing::look_for("takes")) EXPECT_TRUE(task.awaited);
  EXPECT_TRUE(first.try_send(net_error(), 1));
  EXPECT_TRUE(second.try_send(net_error(), 1));
  fire(timer, context);
  EXPECT_TRUE(look().empty());
}

TEST(HookPart, GroupsOneAfterTheOtherAreToldApartAndLabelsStay) {
  net::io_context context;
  net::steady_timer timer(context, 1h);
  channel messages(context, 0);
  auto await = [&]() -> awaitable<void> {
    tasks::this_task::set_name("before");
    for (int i = 0; i < 3; ++i) {
      co_await make_parallel_group(timer.async_wait(deferred), messages.async_receive(deferred))
          .async_wait(wait_for_all(), use_awaitable);
      tasks::this_task::set_label("turn", std::to_string(i));
    }
    tasks::this_task::set_name("after");
    co_await messages.async_receive(use_awaitable);
  };
  co_spawn(context, await(), net::detached);
  turn(context);
  for (int i = 0; i < 3; ++i) {
    auto task = look_for_one("TestBody");
    EXPECT_EQ(task.labels[""], "before");
    EXPECT_EQ(task.ended_members, 0u) << i;
    EXPECT_THAT(task.pending, ElementsAre(wait_kind::channel_receive, wait_kind::timer)) << i;
    EXPECT_TRUE(messages.try_send(net_error(), 1));
    turn(context);
    EXPECT_EQ(look_for_one("TestBody").kind, wait_kind::timer) << i;
    fire(timer, context);
  }
  auto task = look_for_one("TestBody");
  EXPECT_EQ(task.members, 0u);
  EXPECT_EQ(task.kind, wait_kind::channel_receive);
  EXPECT_EQ(task.labels[""], "after");
  EXPECT_EQ(task.labels["turn"], "2");
  EXPECT_TRUE(messages.try_send(net_error(), 1));
  turn(context);
}

TEST(HookPart, AGroupOfMoreThanARecordHoldsTellsItsSize) {
  net::io_context context;
  std::vector<net::steady_timer> t;
  for (int i = 0; i < 10; ++i) t.emplace_back(context, 1h);
  auto await = [&]() -> awaitable<void> {
    co_await make_parallel_group(t[0].async_wait(deferred), t[1].async_wait(deferred), t[2].async_wait(deferred),
                                 t[3].async_wait(deferred), t[4].async_wait(deferred), t[5].async_wait(deferred),
                                 t[6].async_wait(deferred), t[7].async_wait(deferred), t[8].async_wait(deferred),
                                 t[9].async_wait(deferred))
        .async_wait(wait_for_one(), use_awaitable);
  };
  co_spawn(context, await(), net::detached);
  turn(context);
  const auto task = look_for_one("TestBody");
  EXPECT_EQ(task.members, 10u);
  EXPECT_EQ(task.pending.size(), tasks::layout::group_record::room);
  fire(t[9], context);
  EXPECT_TRUE(look().empty());
}

TEST(HookPart, AGroupWithinAGroupIsNotTakenForAnother) {
  net::io_context context;
  net::steady_timer timer(context, 1h), inner(context, 1h), other(context, 1h);
  auto await = [&]() -> awaitable<void> {
    co_await make_parallel_group(timer.async_wait(deferred),
                                 make_parallel_group(inner.async_wait(deferred), other.async_wait(deferred))
                                     .async_wait(wait_for_all(), deferred))
        .async_wait(wait_for_all(), use_awaitable);
  };
  co_spawn(context, await(), net::detached);
  turn(context);
  auto task = look_for_one("TestBody");
  EXPECT_EQ(task.members, 2u);
  EXPECT_THAT(task.pending, ElementsAre(wait_kind::timer));
  fire(timer, context);
  task = look_for_one("TestBody");
  EXPECT_EQ(task.ended_members, 1u);
  EXPECT_EQ(task.kind, wait_kind::other);
  fire(inner, context);
  EXPECT_EQ(look_for_one("TestBody").kind, wait_kind::other);
  fire(other, context);
  EXPECT_TRUE(look().empty());
}

}  // namespace

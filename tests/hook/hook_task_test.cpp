// Tasks: how they begin, who spawned and who awaits them, how they end.

#include <gmock/gmock.h>

#include <algorithm>
#include <set>
#include <string>
#include <thread>

#include "support/look.hpp"
#include "support/net.hpp"
#include "tasks/this_task.hpp"

namespace {

using tasks::layout::record_state;
using tasks::layout::wait_kind;
using tasks::testing::look;
using tasks::testing::look_for;
using tasks::testing::look_for_one;
using namespace net::experimental::awaitable_operators;

awaitable<void> receives(channel& c) { co_await c.async_receive(use_awaitable); }

TEST(HookTask, ATaskThatHasNotRunYetIsReady) {
  net::io_context context;
  channel c(context, 0);
  co_spawn(context, receives(c), net::detached);
  const auto tasks = look();
  ASSERT_EQ(tasks.size(), 1u);
  EXPECT_EQ(tasks[0].state, record_state::ready);
  EXPECT_EQ(tasks[0].resumes, 0u);
  context.poll();
  EXPECT_EQ(look_for_one("receives").state, record_state::blocked);
}

TEST(HookTask, AnEndedTaskIsGone) {
  net::io_context context;
  co_spawn(
      context, []() -> awaitable<void> { co_return; }, net::detached);
  context.run();
  EXPECT_TRUE(look().empty());
}

TEST(HookTask, TasksSuspendedWhenTheirContextIsDestroyedAreGone) {
  {
    net::io_context context;
    channel c(context, 0);
    for (int i = 0; i < 10; ++i) co_spawn(context, receives(c), net::detached);
    context.poll();
    EXPECT_EQ(look().size(), 10u);
  }
  EXPECT_TRUE(look().empty());
}

awaitable<void> spawns_two(channel& c) {
  auto executor = co_await net::this_coro::executor;
  co_spawn(executor, receives(c), net::detached);
  co_spawn(executor, receives(c), net::detached);
  co_await c.async_receive(use_awaitable);
}

TEST(HookTask, ATaskIsItsChildrensParentAlsoAfterOneOfThemRanInline) {
  net::io_context context;
  channel c(context, 0);
  co_spawn(context, spawns_two(c), net::detached);
  context.poll();
  const auto parent = look_for_one("spawns_two");
  const auto children = look_for("receives");
  ASSERT_EQ(children.size(), 2u);
  for (const auto& child : children) {
    EXPECT_EQ(child.parent, parent.id);
    EXPECT_FALSE(child.awaited);
  }
  EXPECT_EQ(parent.parent, 0u);
  EXPECT_EQ(parent.kind, wait_kind::channel_receive);
}

awaitable<void> spawns_and_ends(channel& c) {
  auto executor = co_await net::this_coro::executor;
  co_await net::post(use_awaitable);
  co_spawn(executor, receives(c), net::detached);
}

TEST(HookTask, ATaskTellsWhereItWasSpawnedAlsoWhenItsParentHasEnded) {
  net::io_context context;
  channel c(context, 0);
  co_spawn(context, spawns_and_ends(c), net::detached);
  context.poll();
  const auto task = look_for_one("receives");
  EXPECT_TRUE(look_for("spawns_and_ends").empty());
  EXPECT_THAT(task.spawned_in.function, testing::HasSubstr("spawns_and_ends"));
  EXPECT_GT(task.spawned_in.line, 0u);
}

TEST(HookTask, ATaskSpawnedFromNoTaskHasNoParent) {
  net::io_context context;
  channel c(context, 0);
  co_spawn(context, spawns_two(c), net::detached);
  context.poll();  // tasks ran on this thread, and none runs now
  co_spawn(
      context, []() -> awaitable<void> { co_return; }, net::detached);
  EXPECT_EQ(look().back().parent, 0u);
}

awaitable<void> joins(channel& c) { co_await co_spawn(co_await net::this_coro::executor, receives(c), use_awaitable); }

TEST(HookTask, ATaskThatAwaitsAnotherWaitsForTasks) {
  net::io_context context;
  channel c(context, 0);
  co_spawn(context, joins(c), net::detached);
  context.poll();
  const auto parent = look_for_one("joins");
  const auto child = look_for_one("receives");
  EXPECT_EQ(parent.state, record_state::blocked);
  EXPECT_EQ(parent.kind, wait_kind::tasks);
  EXPECT_EQ(child.parent, parent.id);
  EXPECT_TRUE(child.awaited);
}

awaitable<void> either(channel& a, channel& b) { co_await (receives(a) || receives(b)); }
awaitable<void> both(channel& a, channel& b) { co_await (receives(a) && receives(b)); }

TEST(HookTask, BothArmsOfAnOperatorAreAwaitedChildrenOfTheSameTask) {
  for (const auto operation : {either, both}) {
    net::io_context context;
    channel a(context, 0), b(context, 0);
    co_spawn(context, operation(a, b), net::detached);
    context.poll();
    const auto parents = operation == either ? look_for("either") : look_for("both");
    ASSERT_EQ(parents.size(), 1u);
    EXPECT_EQ(parents[0].kind, wait_kind::tasks);
    const auto arms = look_for("receives");
    ASSERT_EQ(arms.size(), 2u);
    for (const auto& arm : arms) {
      EXPECT_EQ(arm.parent, parents[0].id);
      EXPECT_TRUE(arm.awaited);
    }
    EXPECT_TRUE(a.try_send(net_error(), 1));
    EXPECT_TRUE(b.try_send(net_error(), 1) || operation == either);
    context.run();
    EXPECT_TRUE(look().empty());
  }
}

awaitable<void> after_join(channel& c, channel& d) {
  auto executor = co_await net::this_coro::executor;
  co_await co_spawn(executor, receives(c), use_awaitable);
  co_spawn(executor, receives(d), net::detached);
  co_await c.async_receive(use_awaitable);
}

TEST(HookTask, AChildSpawnedAfterAJoinIsNotAwaited) {
  net::io_context context;
  channel c(context, 0), d(context, 0);
  co_spawn(context, after_join(c, d), net::detached);
  context.poll();
  EXPECT_TRUE(c.try_send(net_error(), 1));
  context.poll();
  const auto child = look_for_one("receives");
  EXPECT_FALSE(child.awaited);
  EXPECT_EQ(child.parent, look_for_one("after_join").id);
}

TEST(HookTask, IdsAreNeverUsedAgain) {
  std::set<std::uint64_t> ids;
  for (int round = 0; round < 20; ++round) {
    net::io_context context;
    channel c(context, 0);
    for (int i = 0; i < 100; ++i) co_spawn(context, receives(c), net::detached);
    for (const auto& t : look()) EXPECT_TRUE(ids.insert(t.id).second);
  }
  EXPECT_EQ(ids.size(), 2000u);
}

TEST(HookTask, ACancelledTaskEnds) {
  net::io_context context;
  channel c(context, 0);
  net::cancellation_signal signal;
  std::exception_ptr error;
  co_spawn(
      context, [&c]() -> awaitable<void> { co_await receives(c); },
      net::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e) { error = e; }));
  context.poll();
  EXPECT_EQ(look().size(), 1u);
  signal.emit(net::cancellation_type::terminal);
  context.run();
  EXPECT_TRUE(error);
  EXPECT_TRUE(look().empty());
}

awaitable<void> goes_on_when_cancelled(channel& c, channel& d, bool& nested_threw) {
  try {
    co_await c.async_receive(use_awaitable);
  } catch (const std::exception&) {
  }
  try {
    co_await receives(d);  // Asio throws before it enters the frame
  } catch (const std::exception&) {
    nested_threw = true;
  }
}

TEST(HookTask, AwaitingInACancelledTaskThrowsAsAsioHasIt) {
  net::io_context context;
  channel c(context, 0), d(context, 0);
  net::cancellation_signal signal;
  bool nested_threw = false;
  co_spawn(context, goes_on_when_cancelled(c, d, nested_threw),
           net::bind_cancellation_slot(signal.slot(), net::detached));
  context.poll();
  signal.emit(net::cancellation_type::terminal);
  context.run();
  EXPECT_TRUE(nested_threw);
  EXPECT_TRUE(look().empty());
}

awaitable<void> hops(net::io_context& there, net::io_context& back, int times) {
  for (int i = 0; i < times; ++i) {
    co_await net::post(there, net::bind_executor(there, use_awaitable));
    co_await net::post(back, net::bind_executor(back, use_awaitable));
  }
}

TEST(HookTask, TasksThatHopBetweenThreadsAndStrandsEndLikeAnyOther) {
  net::io_context a, b;
  auto keep_a = net::make_work_guard(a);
  auto keep_b = net::make_work_guard(b);
  std::vector<std::jthread> threads;
  for (auto* context : {&a, &b, &a, &b}) threads.emplace_back([context] { context->run(); });
  std::atomic<int> left = 20;
  for (int i = 0; i < 20; ++i)
    co_spawn(net::make_strand(a), hops(a, b, 200), [&](std::exception_ptr) {
      if (--left == 0) {
        keep_a.reset();
        keep_b.reset();
      }
    });
  threads.clear();
  EXPECT_TRUE(look().empty());
}

awaitable<void> is_named(channel& c) {
  EXPECT_TRUE(tasks::this_task::set_name("conn 42"));
  EXPECT_TRUE(tasks::this_task::set_label("user", "ann"));
  EXPECT_TRUE(tasks::this_task::set_label("user", "bob"));
  EXPECT_FALSE(tasks::this_task::set_label("", "nobody"));
  co_await receives(c);
  EXPECT_TRUE(tasks::this_task::set_name(std::string(100, 'x')));
  EXPECT_TRUE(tasks::this_task::set_label("cut", std::string(62, 'x') + "\u00e9"));
  co_await receives(c);
}

TEST(HookTask, NamesAndLabelsAreCopiedReplacedAndCut) {
  EXPECT_FALSE(tasks::this_task::set_name("no task runs"));
  net::io_context context;
  channel c(context, 0);
  co_spawn(context, is_named(c), net::detached);
  context.poll();
  const std::map<std::string, std::string> first{{"", "conn 42"}, {"user", "bob"}};
  EXPECT_EQ(look_for_one("is_named").labels, first);
  EXPECT_TRUE(c.try_send(net_error(), 1));
  context.poll();
  const auto labels = look_for_one("is_named").labels;
  EXPECT_EQ(labels.at(""), std::string(63, 'x'));
  EXPECT_EQ(labels.at("cut"), std::string(62, 'x'));
}

awaitable<void> works_for(channel& c, channel& spawned, std::string request) {
  const tasks::this_task::label_scope label("request", request);
  EXPECT_TRUE(label);
  co_spawn(co_await net::this_coro::executor, receives(spawned), net::detached);
  co_await receives(c);
}
awaitable<void> works_for_two(channel& c, channel& spawned) {
  co_await works_for(c, spawned, "first");
  EXPECT_EQ(look_for_one("works_for_two").labels.count("request"), 0u);
  try {
    co_await works_for(c, spawned, "second");
  } catch (const std::exception&) {
    EXPECT_EQ(look_for_one("works_for_two").labels.count("request"), 0u) << "nor after an exception";
  }
  co_await receives(c);
}

TEST(HookTask, ALabelOfABlockIsThereAcrossAwaitsAndOverWithIt) {
  net::io_context context;
  channel c(context, 0), spawned(context, 0);
  co_spawn(context, works_for_two(c, spawned), net::detached);
  context.poll();
  EXPECT_EQ(look_for_one("works_for_two").labels.at("request"), "first");
  EXPECT_TRUE(c.try_send(net_error(), 1));
  context.poll();
  EXPECT_EQ(look_for_one("works_for_two").labels.at("request"), "second");
  std::multiset<std::string> of_spawned;
  for (const auto& each : look())
    if (!each.runs("works_for_two")) of_spawned.insert(each.labels.at("request"));
  EXPECT_EQ(of_spawned, (std::multiset<std::string>{"first", "second"}));
  c.cancel();
  context.poll();
  EXPECT_EQ(look_for_one("works_for_two").labels.size(), 0u);
  c.cancel();
  spawned.cancel();
  context.run();
  EXPECT_TRUE(look().empty());
}

TEST(HookTask, ALabelOfABlockEndsWithATaskThatIsDestroyed) {
  auto context = std::make_unique<net::io_context>();
  {
    channel c(*context, 0), spawned(*context, 0);
    co_spawn(*context, works_for(c, spawned, "destroyed"), net::detached);
    context->poll();
    EXPECT_EQ(look().size(), 2u);
    c.cancel();
    context->restart();
  }
  context.reset();
  EXPECT_TRUE(look().empty());
}

awaitable<void> awaits_two_after_a_block(channel& c, channel& d) {
  { const tasks::this_task::label_scope label("request", "over"); }
  co_await net::experimental::make_parallel_group(c.async_receive(deferred), d.async_receive(deferred))
      .async_wait(net::experimental::wait_for_all(), use_awaitable);
  EXPECT_TRUE(tasks::this_task::set_label("request", "next"));
  co_await receives(c);
}

TEST(HookTask, AGroupTakesThePlaceOfALabelThatIsOver) {
  net::io_context context;
  channel c(context, 0), d(context, 0);
  co_spawn(context, awaits_two_after_a_block(c, d), net::detached);
  context.poll();
  const auto waiting = look_for_one("awaits_two_after_a_block");
  EXPECT_EQ(waiting.members, 2u);
  EXPECT_EQ(waiting.pending.size(), 2u);
  EXPECT_TRUE(waiting.labels.empty());
  EXPECT_TRUE(c.try_send(net_error(), 1));
  EXPECT_TRUE(d.try_send(net_error(), 1));
  context.poll();
  EXPECT_EQ(look_for_one("awaits_two_after_a_block").labels.at("request"), "next");
  c.cancel();
  context.run();
}

/// Of the task that runs here: its name, its labels, those that are over, its group.
std::size_t places() {
  std::size_t count = 0;
  for (auto at = tasks::detail::load(tasks::detail::this_thread.current->annotations); at != 0; ++count)
    at = tasks::detail::load(reinterpret_cast<const tasks::layout::annotation_record*>(at)->next);
  return count;
}

awaitable<void> serves_many(channel& c, channel& d, std::size_t& most) {
  for (int i = 0; i < 100; ++i) {
    co_await net::experimental::make_parallel_group(c.async_receive(deferred), d.async_receive(deferred))
        .async_wait(net::experimental::wait_for_one(), use_awaitable);
    const tasks::this_task::label_scope request("request", std::to_string(i)), user("user", "ann");
    EXPECT_TRUE(request && user);
    most = std::max(most, places());
  }
}

TEST(HookTask, HasOneGroupHoweverManyLabelsComeAndGoBetweenTwo) {
  net::io_context context;
  channel c(context, 0), d(context, 0);
  std::size_t most = 0;
  co_spawn(context, serves_many(c, d, most), net::detached);
  context.poll();
  while (c.try_send(net_error(), 1)) context.poll();
  EXPECT_TRUE(look().empty());
  EXPECT_EQ(most, 3u);
}

TEST(HookTask, ATaskHasAtMostSixteenLabels) {
  net::io_context context;
  co_spawn(
      context,
      []() -> awaitable<void> {
        for (int i = 0; i < 16; ++i) EXPECT_TRUE(tasks::this_task::set_label(std::to_string(i), "x"));
        EXPECT_FALSE(tasks::this_task::set_label("one more", "x"));
        EXPECT_TRUE(tasks::this_task::set_label("3", "replaced"));
        EXPECT_TRUE(tasks::this_task::set_name("names are not counted"));
        co_return;
      },
      net::detached);
  context.run();
  EXPECT_TRUE(look().empty());
}

}  // namespace

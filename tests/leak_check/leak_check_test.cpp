// tasks::leak_check: what it finds, what it waits for, what it leaves out.

#include "tasks/leak_check.hpp"

#include <gmock/gmock.h>

#include <thread>

#include "support/net.hpp"
#include "tasks/this_task.hpp"

namespace {

using namespace std::chrono_literals;
using tasks::leak_check;
using tasks::leak_options;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr auto at_once = 0ms;

int line_of_send = 0;

awaitable<void> leaking_sender(channel& c) {
  line_of_send = __LINE__ + 1;
  co_await c.async_send({}, 1, use_awaitable);
}
awaitable<void> receiver(channel& c) { co_await c.async_receive(use_awaitable); }

/// Three replicas answer; the first answer is taken.
awaitable<void> first_reply(channel& c) {
  for (int i = 0; i < 3; ++i) co_spawn(c.get_executor(), leaking_sender(c), net::detached);
  co_await c.async_receive(use_awaitable);
}

TEST(LeakCheck, SendersWhoseReceiverHasGoneAreReportedWithTheirNumberFunctionAndLine) {
  net::io_context context;
  channel replies(context, 0);
  leak_check check({.deadline = at_once});
  co_spawn(context, first_reply(replies), net::detached);
  context.poll();
  const auto report = check.end();
  EXPECT_EQ(report.tasks, 2u);
  // 2 tasks have not ended within 0 ms
  //
  // 2 tasks [channel send]:
  // (anonymous namespace)::leaking_sender(channel&)
  // 	/…/leak_check_test.cpp:26
  // spawned by …
  // tasks 2, 3
  EXPECT_THAT(report.text, testing::StartsWith("2 tasks have not ended within 0 ms\n\n2 tasks [channel send]:\n"));
  EXPECT_THAT(report.text, ContainsRegex("leaking_sender.*\n\t/.*leak_check_test.cpp:" + std::to_string(line_of_send) +
                                         "\nspawned by .*first_reply"));
  EXPECT_THAT(report.text, ContainsRegex("\ntasks [0-9]+, [0-9]+\n$"));
}

TEST(LeakCheck, TheFixedFormIsClean) {
  net::io_context context;
  channel replies(context, 2);  // room for the replies that nobody waits for
  leak_check check({.deadline = at_once});
  co_spawn(context, first_reply(replies), net::detached);
  context.poll();
  const auto report = check.end();
  EXPECT_EQ(report.tasks, 0u);
  EXPECT_THAT(report.text, IsEmpty());
}

TEST(LeakCheck, EqualStacksAreOneGroupTheLargestFirst) {
  net::io_context context;
  channel c(context, 0), other(context, 0);
  leak_check check({.deadline = at_once});
  co_spawn(context, receiver(other), net::detached);
  for (int i = 0; i < 5; ++i) co_spawn(context, leaking_sender(c), net::detached);
  context.poll();
  EXPECT_THAT(check.end().text, ContainsRegex("^6 tasks (.|\n)*\n5 tasks \\[channel send(.|\n)*, …\n"
                                              "\n1 task \\[channel receive"));
}

TEST(LeakCheck, WhatWasThereBeforeDoesNotLeak) {
  net::io_context context;
  channel c(context, 0);
  co_spawn(context, receiver(c), net::detached);
  context.poll();
  leak_check check({.deadline = at_once});
  EXPECT_EQ(check.end().tasks, 0u);
}

TEST(LeakCheck, ATaskThatEndsALittleLaterIsWaitedFor) {
  net::io_context context;
  net::steady_timer timer(context, 50ms);
  auto ended = false;
  leak_check check({.deadline = 5min, .poll = tasks::polling(context)});
  co_spawn(
      context,
      [&]() -> awaitable<void> {
        co_await timer.async_wait(use_awaitable);
        ended = true;
      },
      net::detached);
  context.poll();
  ASSERT_FALSE(ended);
  EXPECT_EQ(check.end().tasks, 0u);
  EXPECT_TRUE(ended);
}

TEST(LeakCheck, ATaskThatEndsOnAnotherThreadIsWaitedFor) {
  net::io_context context;
  net::steady_timer timer(context, 50ms);
  leak_check check({.deadline = 5min});
  co_spawn(
      context, [&]() -> awaitable<void> { co_await timer.async_wait(use_awaitable); }, net::detached);
  std::jthread worker([&context] { context.run(); });
  EXPECT_EQ(check.end().tasks, 0u);
}

TEST(LeakCheck, TheDeadlineIsWaitedForAndNamed) {
  net::io_context context;
  channel c(context, 0);
  leak_check check({.deadline = 30ms});
  co_spawn(context, receiver(c), net::detached);
  context.poll();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(check.end().text, HasSubstr("1 task has not ended within 30 ms\n"));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 30ms);
}

TEST(LeakCheck, AStoppedContextIsPolledToo) {
  net::io_context context;
  leak_check check({.deadline = 5min, .poll = tasks::polling(context)});
  context.run();
  ASSERT_TRUE(context.stopped());
  co_spawn(
      context, []() -> awaitable<void> { co_return; }, net::detached);
  EXPECT_EQ(check.end().tasks, 0u);
}

/// The leaks of three tasks under these options: two receivers, spawned by a function or by a task, and a sender.
awaitable<void> spawner(channel& c) {
  co_await net::post(use_awaitable);
  co_spawn(c.get_executor(), receiver(c), net::detached);
}
awaitable<void> named(channel& c) {
  tasks::this_task::set_name("conn 42");
  tasks::this_task::set_label("user", "ann");
  co_await c.async_send({}, 1, use_awaitable);
}
std::string leaks_with(leak_options options) {
  net::io_context context;
  channel c(context, 0), other(context, 0);
  options.deadline = at_once;
  leak_check check(std::move(options));
  co_spawn(context, receiver(c), net::detached);
  co_spawn(context, spawner(c), net::detached);
  co_spawn(context, named(other), net::detached);
  context.poll();
  return check.end().text;
}

TEST(LeakCheck, NothingIsIgnoredUnasked) {
  EXPECT_THAT(leaks_with({}), HasSubstr("3 tasks have"));
  EXPECT_THAT(leaks_with({.ignore_functions = {"no such function"}}), HasSubstr("3 tasks have"));
  EXPECT_THAT(leaks_with({.ignore_spawn_sites = {"no such function"}}), HasSubstr("3 tasks have"));
  EXPECT_THAT(leaks_with({.ignore_names = {"no such name"}}), HasSubstr("3 tasks have"));
}

TEST(LeakCheck, AFunctionIsIgnoredByAPartOfItsName) {
  EXPECT_THAT(leaks_with({.ignore_functions = {"receiver("}}), HasSubstr("1 task has"));
  EXPECT_THAT(leaks_with({.ignore_functions = {"named("}}), HasSubstr("2 tasks have"));
  EXPECT_THAT(leaks_with({.ignore_functions = {"named(", "receiver("}}), IsEmpty());
}

#if defined(__GNUC__) && !defined(__clang__)
TEST(LeakCheck, AFunctionIsIgnoredByItsCompilersSpelling) {
  EXPECT_THAT(leaks_with({.ignore_functions = {"8receiver"}}), HasSubstr("1 task has"));
}
#endif

TEST(LeakCheck, ASpawnSiteIsIgnoredByItsFunctionOrFile) {
  const auto by_function = leaks_with({.ignore_spawn_sites = {"spawner("}});
  EXPECT_THAT(by_function, HasSubstr("2 tasks have"));
  EXPECT_THAT(by_function, Not(HasSubstr("spawner(")));
  EXPECT_THAT(leaks_with({.ignore_spawn_sites = {"leak_check_test.cpp"}}), HasSubstr("2 tasks have"));
}

TEST(LeakCheck, ANameOrALabelIsIgnored) {
  EXPECT_THAT(leaks_with({.ignore_names = {"conn "}}), HasSubstr("2 tasks have"));
  EXPECT_THAT(leaks_with({.ignore_names = {"user=ann"}}), HasSubstr("2 tasks have"));
}

TEST(LeakCheck, WhatAnIgnoredTaskAwaitsIsIgnoredWithIt) {
  using namespace net::experimental::awaitable_operators;
  net::io_context context;
  channel c(context, 0);
  leak_check check({.deadline = at_once, .ignore_functions = {"lambda"}});
  co_spawn(
      context, [&c]() -> awaitable<void> { co_await (receiver(c) || receiver(c)); }, net::detached);
  context.poll();
  EXPECT_THAT(check.end().text, IsEmpty());
}

TEST(LeakCheck, WhatIsThereCanBeExcused) {
  net::io_context context;
  channel c(context, 0), other(context, 0);
  leak_check outer({.deadline = at_once});
  leak_check check({.deadline = at_once});
  co_spawn(context, receiver(c), net::detached);
  check.ignore_current();
  co_spawn(context, leaking_sender(other), net::detached);
  context.poll();
  EXPECT_EQ(check.end().tasks, 1u);
  EXPECT_EQ(outer.end().tasks, 0u);
}

TEST(ExpectNoLeaks, LooksAtAllTasksButThoseThatWereThere) {
  net::io_context context;
  channel c(context, 0), other(context, 0);
  co_spawn(context, receiver(c), net::detached);
  leak_options options{.deadline = at_once, .ignore_tasks = tasks::current_tasks()};
  EXPECT_EQ(options.ignore_tasks.size(), 1u);
  EXPECT_EQ(tasks::expect_no_leaks(options).tasks, 0u);
  std::jthread([&] { co_spawn(context, leaking_sender(other), net::detached); }).join();
  EXPECT_EQ(tasks::expect_no_leaks(options).tasks, 1u);
  EXPECT_EQ(tasks::expect_no_leaks({.deadline = at_once}).tasks, 2u);
}

int handled = 0;

TEST(LeakHandler, IsCalledAtTheEndOfTheBlockAndOnlyWithLeaks) {
  net::io_context context;
  channel c(context, 0);
  auto* before = tasks::set_leak_handler([](const tasks::leak_report& report) {
    ++handled;
    EXPECT_EQ(report.tasks, 1u);
  });
  { const leak_check clean; }
  EXPECT_EQ(handled, 0);
  {
    const leak_check check({.deadline = at_once});
    co_spawn(context, receiver(c), net::detached);
  }
  EXPECT_EQ(handled, 1);
  tasks::set_leak_handler(before);
}

TEST(LeakHandler, OfTheCheckComesFirstAndMayThrow) {
  net::io_context context;
  channel c(context, 0);
  const auto leak = [&] {
    const leak_check check({.deadline = at_once, .on_leak = [](const tasks::leak_report& report) {
                              throw std::runtime_error(report.text);
                            }});
    co_spawn(context, receiver(c), net::detached);
  };
  EXPECT_THROW(leak(), std::runtime_error);
}

TEST(LeakHandler, IsNotCalledWhileAnExceptionUnwinds) {
  net::io_context context;
  channel c(context, 0);
  const auto fail = [&] {
    const leak_check check({.deadline = at_once, .on_leak = [](const auto&) { FAIL(); }});
    co_spawn(context, receiver(c), net::detached);
    throw std::runtime_error("the test's own");
  };
  EXPECT_THROW(fail(), std::runtime_error);
}

TEST(LeakHandlerDeathTest, PrintsAndAbortsUnlessSet) {
  const auto leak = [] {
    net::io_context context;
    channel c(context, 0);
    const leak_check check({.deadline = at_once});
    co_spawn(context, receiver(c), net::detached);
    context.poll();
  };
  EXPECT_DEATH(leak(), "1 task \\[channel receive\\]:\n.*receiver");
}

}  // namespace

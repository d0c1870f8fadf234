// tasks::leak_check: who spawned a task that no task spawned. Compiled without optimization, where the two return
// addresses that a record has lie in Asio.

#include <gmock/gmock.h>

#include "support/net.hpp"
#include "tasks/leak_check.hpp"

namespace {

using tasks::leak_check;
using testing::ContainsRegex;
using testing::IsEmpty;

constexpr std::chrono::milliseconds at_once{0};

awaitable<void> receiver(channel& c) { co_await c.async_receive(use_awaitable); }

[[gnu::noinline]] void start_all(net::io_context& context, channel& c) {
  co_spawn(context, receiver(c), net::detached);
  co_spawn(context, receiver(c), [](const std::exception_ptr&) {});
}

TEST(LeakCheck, ATaskThatNeverRanIsNamedByThePlainFunctionThatSpawnedIt) {
  net::io_context context;
  channel c(context, 0);
  leak_check check({.deadline = at_once});
  start_all(context, c);
  // Their lines are not known there, so they read alike.
  EXPECT_THAT(check.end().text,
              ContainsRegex("\n2 tasks \\[ready\\]:\nspawned by .*start_all\\(.*\ntasks [0-9]+, [0-9]+\n$"));
}

TEST(LeakCheck, APlainFunctionThatSpawnsIsIgnored) {
  net::io_context context;
  channel c(context, 0);
  leak_check check({.deadline = at_once, .ignore_spawn_sites = {"start_all"}});
  start_all(context, c);
  context.poll();
  EXPECT_THAT(check.end().text, IsEmpty());
}

}  // namespace

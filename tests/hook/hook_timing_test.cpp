// Runs timed: with coroutines, what a hook notes of them.

#include <gmock/gmock.h>

#include <chrono>
#include <thread>

#include "readers/record_reader.hpp"
#include "readers/task_times.hpp"
#include "readers/task_walk.hpp"
#include "server/timing_switch.hpp"
#include "support/net.hpp"

namespace {

using namespace tasks::detail;

awaitable<void> sends(channel& c, int n) {
  for (int i = 0; i < n; ++i) co_await c.async_send({}, i, use_awaitable);
}
awaitable<int> receives_one(channel& c) { co_return co_await c.async_receive(use_awaitable); }
awaitable<void> receives_all(channel& c, int n) {
  for (int i = 0; i < n; ++i) co_await receives_one(c);
  co_await c.async_receive(use_awaitable);
}
awaitable<void> posts(int n) {
  for (int i = 0; i < n; ++i) co_await net::post(use_awaitable);
}

class HookTiming : public ::testing::Test {
 protected:
  HookTiming() {
    while (!timing_.is_calibrated()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_TRUE(timing_.turn_on());
  }

  timing_switch timing_;
};

TEST_F(HookTiming, EachResumptionIsARun) {
  net::io_context context;
  channel c(context, 0);
  co_spawn(context, receives_all(c, 100), net::detached);
  co_spawn(context, sends(c, 100), net::detached);
  context.poll();
  task_walk walk({}, task_walk::order::oldest_first);
  ASSERT_EQ(walk.next(), task_walk::step::task);
  const auto times = times_reader(timing_.area()).of(walk.task(), walk.slabs());
  EXPECT_EQ(times.runs.count, walk.task().resumes);
  EXPECT_EQ(times.runs.count, 101u);  // it has begun, received, and waits
  EXPECT_EQ(times.delays.count, 1u);  // its first run's
  EXPECT_EQ(walk.next(), task_walk::step::end);
  const auto ended = times_reader(timing_.area()).of_ended();
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].times.runs.count, 101u);
}

TEST_F(HookTiming, PostedOnesWereReady) {
  net::io_context context;
  co_spawn(context, posts(50), net::detached);
  context.run();
  const auto ended = times_reader(timing_.area()).of_ended();
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].tasks, 1u);
  EXPECT_EQ(ended[0].times.runs.count, 51u);
  EXPECT_EQ(ended[0].times.delays.count, 51u);
}

}  // namespace

// Tasks that one thread suspends and another resumes, compiled as servers are: what a compiler keeps of a thread in a
// coroutine's frame is another's afterwards.

#include <gmock/gmock.h>

#include <atomic>
#include <thread>
#include <vector>

#include "support/look.hpp"
#include "support/net.hpp"

namespace {

using tasks::layout::record_state;
using tasks::testing::look;

constexpr int threads = 4, travellers = 16, hops = 2000;

awaitable<void> hop() {
  co_await net::post(co_await net::this_coro::executor, use_awaitable);
  co_await net::post(co_await net::this_coro::executor, use_awaitable);
}

awaitable<void> travel(std::atomic<int>& arrived) {
  net::steady_timer never(co_await net::this_coro::executor, (net::steady_timer::time_point::max)());
  for (int i = 0; i < hops; ++i) co_await hop();
  ++arrived;
  arrived.notify_one();
  co_await never.async_wait(use_awaitable);
}

TEST(HookThreads, ATaskThatWaitsIsBlockedWhicheverThreadsHaveRunIt) {
  net::io_context context(threads);
  std::atomic<int> arrived = 0;
  for (int i = 0; i < travellers; ++i) co_spawn(context, travel(arrived), net::detached);
  std::vector<std::jthread> workers;
  for (int i = 0; i < threads; ++i) workers.emplace_back([&context] { context.run(); });
  for (int seen = arrived; seen < travellers; seen = arrived) arrived.wait(seen);
  context.stop();
  workers.clear();
  const auto tasks = look();
  ASSERT_EQ(tasks.size(), static_cast<std::size_t>(travellers));
  for (const auto& task : tasks) {
    EXPECT_EQ(task.state, record_state::blocked) << task.id;
    EXPECT_EQ(task.kind, tasks::layout::wait_kind::timer) << task.id;
    EXPECT_EQ(task.resumes, 2U * hops + 1) << task.id;
    EXPECT_EQ(task.frames.size(), 3U) << task.id;  // two of them of Asio: its initiation, and what it spawns
  }
}

}  // namespace

// What the hook costs an await: the operations below, compiled without the hook, with it, with it while runs are timed,
// and with Asio's own handler tracking. `await_bench OPERATION N [THREADS]` does N of them on so many threads;
// tests/bench/run counts instructions (callgrind, as the difference of two N, so that start-up cancels out) and times.
//
// One more thread exists and sleeps, as in any server: malloc and shared_ptr are faster in a process that never had a
// second thread. With 0 THREADS there is none, unless the agent's is a pthread.

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/experimental/concurrent_channel.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <mutex>
#include <stop_token>
#include <string_view>
#include <thread>
#include <vector>

#ifdef TASKS_BENCH_TIMED
#  include "registry/registry.hpp"
#  include "server/timing_switch.hpp"
#endif

namespace {

using asio::awaitable;
using asio::use_awaitable;
using channel = asio::experimental::concurrent_channel<void(std::error_code, int)>;

[[gnu::noinline]] awaitable<int> leaf(int i) { co_return i + 1; }

awaitable<void> nested(int n) {
  int sum = 0;
  for (int i = 0; i < n; ++i) sum += co_await leaf(i);
  if (sum == 42) std::abort();
}

awaitable<void> ping(channel& out, channel& in, int n) {
  for (int i = 0; i < n; ++i) {
    co_await out.async_send({}, i, use_awaitable);
    co_await in.async_receive(use_awaitable);
  }
}

awaitable<void> pong(channel& in, channel& out, int n) {
  for (int i = 0; i < n; ++i) co_await out.async_send({}, co_await in.async_receive(use_awaitable), use_awaitable);
}

awaitable<void> send(channel& out, int n) {
  for (int i = 0; i < n; ++i) co_await out.async_send({}, i, use_awaitable);
}

awaitable<void> receive(channel& in, int n) {
  for (int i = 0; i < n; ++i) co_await in.async_receive(use_awaitable);
}

awaitable<void> post(int n) {
  for (int i = 0; i < n; ++i) co_await asio::post(use_awaitable);
}

awaitable<void> nothing() { co_return; }

awaitable<void> spawn(int n) {
  auto executor = co_await asio::this_coro::executor;
  for (int i = 0; i < n; ++i) {
    co_spawn(executor, nothing(), asio::detached);
    if (i % 64 == 63) co_await asio::post(use_awaitable);
  }
}

awaitable<void> join(int n) {
  auto executor = co_await asio::this_coro::executor;
  for (int i = 0; i < n; ++i) co_await co_spawn(executor, nothing(), use_awaitable);
}

void sleep_until(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any woken;
  std::unique_lock lock(mutex);
  woken.wait(lock, stop, [] { return false; });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const std::string_view operation = argv[1];
  const int n = static_cast<int>(std::strtol(argv[2], nullptr, 10));
  const int threads = argc > 3 ? static_cast<int>(std::strtol(argv[3], nullptr, 10)) : 1;
  std::jthread sleeper;
  if (threads > 0) sleeper = std::jthread([](std::stop_token stop) { sleep_until(stop); });
#ifdef TASKS_BENCH_TIMED
  static_cast<void>(tasks::detail::ensure_registry());
  tasks::detail::timing_switch timing;
#endif
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // the agent's thread, if any, has started
#ifdef TASKS_BENCH_TIMED
  if (!timing.is_calibrated() || !timing.turn_on()) return 3;
#endif
  asio::io_context context;
  channel there(context, operation == "buffered" ? 64 : 0);
  channel back(context, 0);
  const auto run = [&](awaitable<void> task) { co_spawn(context, std::move(task), asio::detached); };
  const auto start = std::chrono::steady_clock::now();
  if (operation == "nested") {
    run(nested(n));
  } else if (operation == "round-trip") {
    run(ping(there, back, n));
    run(pong(there, back, n));
  } else if (operation == "one-way" || operation == "buffered") {
    run(send(there, n));
    run(receive(there, n));
  } else if (operation == "post") {
    run(post(n));
  } else if (operation == "spawn") {
    run(spawn(n));
  } else if (operation == "join") {
    run(join(n));
  } else {
    return 2;
  }
  {
    std::vector<std::jthread> others;
    for (int i = 1; i < threads; ++i) others.emplace_back([&] { context.run(); });
    context.run();
  }
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
  std::printf("%.2f\n", took.count() / n);
}

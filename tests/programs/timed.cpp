/// A program with one worker whose tasks take known times:
///
///   grind    runs for 5 ms, then waits for a timer for 5 ms, for ever
///   tick     waits for a timer for 1 ms, for ever; is late while others run
///   spawn    spawns a task every 20 ms, `request`, which runs for 1 ms and ends
///   idle     waits on a channel for ever
///
/// With the argument `stuck` there is a task besides that never waits again, and nobody else gets a turn.
///
/// Prints `ready` once all have run, and ends when its standard input closes.

#include <unistd.h>
#include <asio.hpp>
#include <asio/experimental/concurrent_channel.hpp>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string_view>
#include <thread>

namespace timed {

using asio::awaitable;
using asio::co_spawn;
using asio::detached;
using asio::use_awaitable;
using namespace std::chrono_literals;
using channel = asio::experimental::concurrent_channel<void(std::error_code, int)>;

void run_for(std::chrono::nanoseconds time) {
  for (const auto end = std::chrono::steady_clock::now() + time; std::chrono::steady_clock::now() < end;) {
  }
}

awaitable<void> grind() {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (;;) {
    run_for(5ms);
    timer.expires_after(5ms);
    co_await timer.async_wait(use_awaitable);
  }
}

awaitable<void> tick() {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (;;) {
    timer.expires_after(1ms);
    co_await timer.async_wait(use_awaitable);
  }
}

awaitable<void> request() {
  run_for(1ms);
  co_return;
}

awaitable<void> spawn() {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor);
  for (;;) {
    co_spawn(executor, request(), detached);
    timer.expires_after(20ms);
    co_await timer.async_wait(use_awaitable);
  }
}

awaitable<void> idle(channel& on) { co_await on.async_receive(use_awaitable); }

awaitable<void> stuck() {
  co_await asio::post(use_awaitable);
  std::cout << "ready" << std::endl;
  run_for(24h);
}

awaitable<void> say_ready() {
  co_await asio::post(use_awaitable);
  std::cout << "ready" << std::endl;
}

int run(bool is_stuck) {
  asio::io_context context;
  channel never(context, 1);
  co_spawn(context, grind(), detached);
  co_spawn(context, tick(), detached);
  co_spawn(context, spawn(), detached);
  co_spawn(context, idle(never), detached);
  co_spawn(context, is_stuck ? stuck() : say_ready(), detached);
  std::thread([] {
    char c = 0;
    while (::read(STDIN_FILENO, &c, 1) > 0) {
    }
    std::_Exit(0);
  }).detach();
  context.run();
  return 0;
}

}  // namespace timed

int main(int argc, char** argv) { return timed::run(argc > 1 && std::string_view(argv[1]) == "stuck"); }

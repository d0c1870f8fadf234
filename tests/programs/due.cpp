/// A program whose tasks wait for what has happened already, in the way that its argument names:
///
///   ended    an exception left run(), and its thread
///   other    a task waits for a timer and a pipe of an io_context that nobody runs
///   left     as ended, but the thread goes on and does something else
///   stopped  its context was stopped, and run() has returned
///   pool     a thread_pool of one thread was stopped
///   busy     the only worker runs a task that does not await
///   queued   likewise, and three tasks have posted themselves
///   strand   one of two workers runs a task that does not await, on a strand that another task needs
///   unstarted  a task was spawned on an io_context that nobody runs
///   behind   likewise, on one whose only worker runs a task that does not await
///   spin     nothing is wrong but this: a task posts itself for ever
///   load     nothing is wrong: two workers serve timers, posts, channels and pipes as fast as they can
///   game     nothing is wrong: a loop calls poll() a hundred times a second
///   again    nothing is wrong: its context was stopped, restarted, and is run
///
/// Prints `ready` once that has begun, and ends when its standard input closes.

#include <unistd.h>
#include <asio.hpp>
#include <asio/experimental/concurrent_channel.hpp>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

namespace due {

using asio::awaitable;
using asio::co_spawn;
using asio::detached;
using asio::use_awaitable;
using namespace std::chrono_literals;

std::atomic<bool> begun{false};

void ready() { std::cout << "ready" << std::endl; }

/// `stops`: ends the run while it waits, so that its timer expires afterwards, however busy the machine is.
awaitable<void> tick(asio::io_context& of, bool stops) {
  asio::steady_timer timer(of);
  for (int i = 0;; ++i) {
    timer.expires_after(20ms);
    if (stops && i == 2) of.stop();
    co_await timer.async_wait(use_awaitable);
  }
}

awaitable<void> read(asio::posix::stream_descriptor& pipe) {
  char byte = 0;
  for (;;) co_await asio::async_read(pipe, asio::buffer(&byte, 1), use_awaitable);
}

awaitable<void> fail() {
  asio::steady_timer timer(co_await asio::this_coro::executor, 50ms);
  co_await timer.async_wait(use_awaitable);
  throw std::runtime_error("no such table");
}

[[gnu::noinline]] void hold() {
  begun = true;
  begun.notify_all();
  for (;;) std::this_thread::sleep_for(1h);
}

awaitable<void> keep_worker() {
  hold();
  co_return;
}

awaitable<void> keep_worker_later() {
  asio::steady_timer timer(co_await asio::this_coro::executor, 50ms);
  co_await timer.async_wait(use_awaitable);
  hold();
}

awaitable<void> go_on() {
  for (;;) co_await asio::post(use_awaitable);
}

awaitable<void> rest() {
  asio::steady_timer timer(co_await asio::this_coro::executor, 200ms);
  co_await timer.async_wait(use_awaitable);
}

using channel = asio::experimental::concurrent_channel<void(std::error_code, int)>;

awaitable<void> send(channel& to) {
  for (int i = 0;; ++i) co_await to.async_send({}, i, use_awaitable);
}

awaitable<void> receive(channel& from) {
  for (;;) co_await from.async_receive(use_awaitable);
}

awaitable<void> write(asio::posix::stream_descriptor& pipe) {
  for (;;) co_await asio::async_write(pipe, asio::buffer("hello", 5), use_awaitable);
}

/// Waits for long, and then for nothing at all.
awaitable<void> wait_by_turns(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (;;) {
    timer.expires_after(time);
    co_await timer.async_wait(use_awaitable);
    timer.expires_at(std::chrono::steady_clock::time_point::min());
    co_await timer.async_wait(use_awaitable);
    co_await asio::post(use_awaitable);
  }
}

[[noreturn]] void serve_load() {
  asio::io_context context;
  channel numbers(context, 0);
  int ends[2];
  if (::pipe(ends) != 0) std::abort();
  asio::posix::stream_descriptor from(context, ends[0]), to(context, ends[1]);
  for (int i = 0; i < 200; ++i) co_spawn(context, wait_by_turns(std::chrono::milliseconds(1 + 10 * i)), detached);
  for (int i = 0; i < 4; ++i) {
    co_spawn(context, send(numbers), detached);
    co_spawn(asio::make_strand(context), receive(numbers), detached);
  }
  co_spawn(context, read(from), detached);
  co_spawn(context, write(to), detached);
  std::thread other([&] { context.run(); });
  std::thread worker([&] { context.run(); });
  ready();
  for (std::string line; std::getline(std::cin, line);) {
  }
  std::_Exit(EXIT_SUCCESS);
}

[[noreturn]] void stop_pool() {
  asio::thread_pool pool(1);
  co_spawn(pool, rest(), detached);
  asio::post(pool, [] {
    begun = true;
    begun.notify_all();
  });
  begun.wait(false);
  pool.stop();
  pool.join();
  ready();
  for (std::string line; std::getline(std::cin, line);) {
  }
  std::_Exit(EXIT_SUCCESS);
}

int run(std::string_view how) {
  if (how == "load") serve_load();
  if (how == "pool") stop_pool();
  asio::io_context mine, other;
  const auto guard = asio::make_work_guard(mine);
  int ends[2];
  if (::pipe(ends) != 0) return EXIT_FAILURE;
  asio::posix::stream_descriptor pipe(how == "other" ? other : mine, ends[0]);
  if (how == "unstarted") co_spawn(other, rest(), detached);
  co_spawn(mine, tick(how == "other" ? other : mine, how == "stopped"), detached);
  co_spawn(mine, read(pipe), detached);
  for (int i = 0; i < 3 && (how == "queued" || (how == "spin" && i == 0)); ++i) co_spawn(mine, go_on(), detached);
  const auto strand = asio::make_strand(mine);
  if (how == "strand") {
    co_spawn(strand, rest(), detached);
    co_spawn(strand, keep_worker_later(), detached);
  }
  const bool leaves = how == "ended" || how == "left" || how == "stopped";
  if (how == "ended" || how == "left")
    co_spawn(mine, fail(), [](const std::exception_ptr& error) {
      if (error) std::rethrow_exception(error);
    });
  std::atomic<bool> ends_now{false};
  std::thread worker([&] {
    try {
      if (how == "game") {
        for (; !ends_now; std::this_thread::sleep_for(10ms)) mine.poll();
      } else if (how == "again") {
        mine.run_one();
        mine.stop();
        mine.restart();
        mine.run();
      } else {
        mine.run();
      }
    } catch (const std::runtime_error&) {
    }
    begun = true;
    begun.notify_all();
    if (how == "left") std::this_thread::sleep_for(1h);
  });
  std::thread second;
  if (how == "strand") second = std::thread([&] { mine.run(); });
  if (how == "busy" || how == "queued") co_spawn(mine, keep_worker(), detached);
  if (how == "behind") co_spawn(mine, keep_worker(), detached);
  if (how == "queued" || how == "behind" || leaves) begun.wait(false);
  if (how == "behind") co_spawn(mine, rest(), detached);
  if (leaves || how == "other") {
    if (::write(ends[1], "x", 1) != 1) return EXIT_FAILURE;
  }
  ready();
  for (std::string line; std::getline(std::cin, line);) {
  }
  ends_now = true;
  std::_Exit(EXIT_SUCCESS);
}

}  // namespace due

int main(int argc, char** argv) { return due::run(argc > 1 ? argv[1] : ""); }

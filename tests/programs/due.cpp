/// A program whose tasks wait for what has happened already, in the way that its argument names:
///
///   ended    an exception left run(), and its thread
///   other    a task waits for a timer and a pipe of an io_context that nobody runs
///   busy     the only worker runs a task that does not await
///   game     nothing is wrong: a loop calls poll() a hundred times a second
///   again    nothing is wrong: its context was stopped, restarted, and is run
///
/// Prints `ready` once that has begun, and ends when its standard input closes.

#include <unistd.h>
#include <asio.hpp>

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

awaitable<void> tick(asio::io_context& of) {
  asio::steady_timer timer(of);
  for (;;) {
    timer.expires_after(20ms);
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
  for (;;) std::this_thread::sleep_for(1h);
}

awaitable<void> keep_worker() {
  hold();
  co_return;
}

void ready() { std::cout << "ready" << std::endl; }

int run(std::string_view how) {
  asio::io_context mine, other;
  const auto guard = asio::make_work_guard(mine);
  int ends[2];
  if (::pipe(ends) != 0) return EXIT_FAILURE;
  asio::posix::stream_descriptor pipe(how == "other" ? other : mine, ends[0]);
  co_spawn(mine, tick(how == "other" ? other : mine), detached);
  co_spawn(mine, read(pipe), detached);
  if (how == "ended")
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
  });
  if (how == "busy") co_spawn(mine, keep_worker(), detached);
  if (how == "ended") begun.wait(false);
  if (how == "ended" || how == "other") {
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

/// A program where 200 tasks rest, and some others never do, in the way that its argument names:
///
///   post     a task polls a queue, and posts itself between two looks
///   timer    a task waits for a timer that has expired, again and again
///   channel  two tasks pass a number to and fro
///   pool     as post, on a thread_pool with four workers
///   fed      nothing is wrong: a task receives whatever another one reads from a pipe, of which there is always more
///   paced    nothing is wrong: the others wait for a millisecond, again and again
///
/// Prints `ready`, and ends when its standard input closes.

#include <unistd.h>
#include <asio.hpp>
#include <asio/experimental/concurrent_channel.hpp>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace busy {

using asio::awaitable;
using asio::co_spawn;
using asio::detached;
using asio::use_awaitable;
using namespace std::chrono_literals;
using channel = asio::experimental::concurrent_channel<void(std::error_code, int)>;

std::atomic<bool> has_job{false};

awaitable<void> rest(int i) {
  asio::steady_timer timer(co_await asio::this_coro::executor, 1h + std::chrono::seconds(i));
  co_await timer.async_wait(use_awaitable);
}

awaitable<void> poll_queue() {
  while (!has_job) co_await asio::post(co_await asio::this_coro::executor, use_awaitable);
}

awaitable<void> poll_clock() {
  asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::steady_clock::now() - 1s);
  while (!has_job) co_await timer.async_wait(use_awaitable);
}

awaitable<void> serve(channel& from, channel& to) {
  for (;;) co_await to.async_send({}, co_await from.async_receive(use_awaitable), use_awaitable);
}

awaitable<void> return_it(channel& from, channel& to) {
  for (int number = 0;;) {
    co_await to.async_send({}, number, use_awaitable);
    number = co_await from.async_receive(use_awaitable);
  }
}

awaitable<void> read(asio::posix::stream_descriptor& pipe, channel& to) {
  for (char byte = 0;;) {
    co_await asio::async_read(pipe, asio::buffer(&byte, 1), use_awaitable);
    co_await to.async_send({}, byte, use_awaitable);
  }
}

awaitable<void> receive(channel& from) {
  for (;;) co_await from.async_receive(use_awaitable);
}

awaitable<void> wait_shortly() {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (;;) {
    timer.expires_after(1ms);
    co_await timer.async_wait(use_awaitable);
  }
}

void wait_for_end() {
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
  }
  std::_Exit(EXIT_SUCCESS);
}

int run(std::string_view how) {
  if (how == "pool") {
    asio::thread_pool pool(4);
    for (int i = 0; i < 200; ++i) co_spawn(pool, rest(i), detached);
    co_spawn(pool, poll_queue(), detached);
    wait_for_end();
  }
  asio::io_context context;
  channel first(context, 0), second(context, 0);
  int ends[2];
  if (::pipe(ends) != 0) return EXIT_FAILURE;
  asio::posix::stream_descriptor pipe(context, ends[0]);
  for (int i = 0; i < 200; ++i) co_spawn(context, rest(i), detached);
  if (how == "post") co_spawn(context, poll_queue(), detached);
  if (how == "timer") co_spawn(context, poll_clock(), detached);
  if (how == "channel") {
    co_spawn(context, serve(first, second), detached);
    co_spawn(context, return_it(second, first), detached);
  }
  std::optional<std::thread> writer;
  if (how == "fed") {
    co_spawn(context, read(pipe, first), detached);
    co_spawn(context, receive(first), detached);
    writer.emplace([end = ends[1]] {
      for (const std::string bytes(4096, 'x'); ::write(end, bytes.data(), bytes.size()) > 0;) {
      }
    });
  }
  for (int i = 0; i < 20 && how == "paced"; ++i) co_spawn(context, wait_shortly(), detached);
  std::thread worker([&] { context.run(); });
  wait_for_end();
  return EXIT_FAILURE;
}

}  // namespace busy

int main(int argc, char** argv) { return busy::run(argc > 1 ? argv[1] : ""); }

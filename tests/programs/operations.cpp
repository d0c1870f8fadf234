// Tasks without any function of a user's: operands of || and && that are operations, operators within operators,
// operations that are spawned, and tasks that have not begun.

#include <asio.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#include <asio/experimental/concurrent_channel.hpp>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>

namespace {

using namespace asio::experimental::awaitable_operators;
using asio::awaitable;
using asio::detached;
using asio::steady_timer;
using asio::use_awaitable;
using chan = asio::experimental::concurrent_channel<void(asio::error_code, int)>;
using std::chrono::hours;

awaitable<void> receive(chan& from) { co_await from.async_receive(use_awaitable); }

awaitable<void> or_timer(chan& from) {
  steady_timer timer(co_await asio::this_coro::executor, hours(1));
  co_await (receive(from) || timer.async_wait(use_awaitable));  // or_timer
}

awaitable<void> or_other_timer(chan& from) {
  steady_timer timer(co_await asio::this_coro::executor, hours(1));
  co_await (receive(from) || timer.async_wait(use_awaitable));  // or_other_timer
}

awaitable<void> nested(chan& from) {
  steady_timer timer(co_await asio::this_coro::executor, hours(1));
  co_await ((receive(from) || timer.async_wait(use_awaitable)) && receive(from));  // nested
}

awaitable<void> spawns_detached(chan& from) {
  co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
      [&from](auto handler) {
        asio::co_spawn(asio::get_associated_executor(handler), receive(from), detached);
        static auto kept = std::move(handler);
      },
      use_awaitable);
}

}  // namespace

int main() {
  asio::io_context context, nobodys;
  chan channel(context, 0);
  steady_timer timer(context, hours(1));
  co_spawn(context, or_timer(channel), detached);
  co_spawn(context, or_other_timer(channel), detached);
  co_spawn(context, nested(channel), detached);
  co_spawn(context, spawns_detached(channel), detached);
  co_spawn(context, timer.async_wait(use_awaitable), detached);  // spawned
  co_spawn(
      nobodys, [&]() -> awaitable<void> { co_await receive(channel); }, detached);
  co_spawn(nobodys, receive(channel), detached);
  asio::post(context, [] { std::cout << "ready" << std::endl; });
  std::thread worker([&] { context.run(); });
  std::string line;
  while (std::getline(std::cin, line)) {
  }
  std::_Exit(0);
}

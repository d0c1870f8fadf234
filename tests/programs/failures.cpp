// Tasks that end by an exception which nobody sees: spawned detached. And such as are no failures: one whose parent
// gets the exception, one that was cancelled, one that returns.

#include <asio.hpp>
#include <asio/experimental/channel.hpp>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <thread>

namespace {

using asio::awaitable;
using asio::detached;
using asio::use_awaitable;
using channel = asio::experimental::channel<void(std::error_code, int)>;

awaitable<void> consumes(std::shared_ptr<channel> lines) {
  const int line = co_await lines->async_receive(use_awaitable);
  if (line == 205) throw std::invalid_argument("bad line");
}
awaitable<void> produces(std::shared_ptr<channel> lines) {
  for (;;) co_await lines->async_send(std::error_code{}, 205, use_awaitable);
}
awaitable<void> throws_a_number() {
  co_await asio::post(use_awaitable);
  throw 42;
}
awaitable<void> inner() {
  co_await asio::post(use_awaitable);
  throw std::runtime_error("caught by the task's own function");
}
awaitable<void> catches() {
  try {
    co_await inner();
  } catch (const std::exception&) {
  }
}
awaitable<void> is_awaited() {
  co_await asio::post(use_awaitable);
  throw std::logic_error("its parent gets it");
}
awaitable<void> awaits_it() {
  auto executor = co_await asio::this_coro::executor;
  try {
    co_await co_spawn(executor, is_awaited(), use_awaitable);
  } catch (const std::exception&) {
  }
}
awaitable<void> sleeps(asio::steady_timer& timer) { co_await timer.async_wait(use_awaitable); }

}  // namespace

int main() {
  asio::io_context context;
  const auto work = asio::make_work_guard(context);
  auto lines = std::make_shared<channel>(context, 1);
  asio::steady_timer timer(context, std::chrono::hours(1));
  co_spawn(context, consumes(lines), detached);  // spawned here
  co_spawn(context, produces(lines), detached);
  co_spawn(context, produces(lines), detached);  // another place, which the list of what is blocked does not show
  for (int i = 0; i < 3; ++i) co_spawn(context, throws_a_number(), detached);
  co_spawn(context, catches(), detached);
  co_spawn(context, awaits_it(), detached);
  co_spawn(context, sleeps(timer), detached);
  lines.reset();
  context.poll();
  timer.cancel();
  context.poll();
  std::thread runs([&] { context.run(); });
  std::cout << "ready" << std::endl;
  while (std::cin.get() != EOF) {
  }
  context.stop();
  runs.join();
}

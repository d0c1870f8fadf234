// One program, built in several ways: two tasks that leak, one that main() can wake, and one that sleeps.

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/experimental/channel.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <iostream>
#include <memory>
#include <thread>

namespace {

using asio::awaitable;
using asio::use_awaitable;

/// A type whose name all compilers write alike.
struct mailbox {
  asio::experimental::channel<void(std::error_code, int)> messages;
};

awaitable<void> receives(mailbox& from) { co_await from.messages.async_receive(use_awaitable); }
awaitable<void> keeps(std::shared_ptr<mailbox> from) { co_await receives(*from); }
awaitable<void> sleeps() {
  asio::steady_timer until(co_await asio::this_coro::executor, std::chrono::hours(1));
  co_await until.async_wait(use_awaitable);
}

[[gnu::noinline]] void start(asio::io_context& context, mailbox& known) {
  for (int i = 0; i < 2; ++i)
    co_spawn(context, keeps(std::make_shared<mailbox>(mailbox{{context, 0}})), asio::detached);
  co_spawn(context, receives(known), asio::detached);
  co_spawn(context, sleeps(), asio::detached);
}

}  // namespace

int main() {
  asio::io_context context;
  mailbox known{{context, 0}};
  start(context, known);
  context.poll();
  std::thread runs([&context] { context.run(); });
  std::cout << "ready" << std::endl;
  while (std::cin.get() != EOF) {
  }
  context.stop();
  runs.join();
}

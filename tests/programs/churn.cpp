// Tasks that begin and end as fast as two threads can make them: `round` calls `step` calls `leap`, which hands its
// turn back now and then. Prints `ready`; ends when its standard input closes.

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>
#include <atomic>
#include <cstdio>
#include <iostream>
#include <string>
#include <thread>

namespace churn {

std::atomic<bool> stopping = false;

asio::awaitable<void> leap() { co_await asio::post(asio::use_awaitable); }
asio::awaitable<void> step() {
  co_await leap();
  co_await leap();
}
asio::awaitable<void> round() {
  co_await step();
  co_await leap();
}
asio::awaitable<void> forever() {
  const auto executor = co_await asio::this_coro::executor;
  while (!stopping) {
    co_spawn(executor, round(), asio::detached);
    co_await round();
  }
}

}  // namespace churn

int main() {
  asio::io_context context;
  for (int i = 0; i < 64; ++i) co_spawn(context, churn::forever(), asio::detached);
  std::jthread first([&] { context.run(); }), second([&] { context.run(); });
  std::puts("ready");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
  }
  churn::stopping = true;
}

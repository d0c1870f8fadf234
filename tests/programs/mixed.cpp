// Half of its coroutines are compiled without the hook where mixed_part.cpp is.

#include "mixed_part.hpp"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <iostream>

namespace {

using namespace std::chrono_literals;

asio::awaitable<void> waits(asio::steady_timer& until) { co_await until.async_wait(asio::use_awaitable); }
asio::awaitable<void> calls(asio::steady_timer& until) {
  co_await legacy::relays([&until] { return waits(until); });
}

}  // namespace

int main() {
  asio::io_context context;
  asio::steady_timer until(context, 1h);
  co_spawn(context, calls(until), asio::detached);
  context.poll();
  std::cout << "ready" << std::endl;
  while (std::cin.get() != EOF) {
  }
}

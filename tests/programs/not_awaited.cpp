/// A program that makes awaitables and keeps them without awaiting them: three of a function, in a vector. A task has
/// four more: one in a variable, two in a vector, and one behind a unique_ptr; and one was spawned on an io_context
/// that nobody runs. With `one` another task awaits the first of the three, which does not return.
///
/// Prints `ready` once they are there, and ends when its standard input closes.

#include <asio.hpp>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace not_awaited {

using asio::awaitable;
using asio::co_spawn;
using asio::detached;
using asio::use_awaitable;
using namespace std::chrono_literals;

std::vector<awaitable<void>> kept;

awaitable<void> rest() {
  asio::steady_timer timer(co_await asio::this_coro::executor, 24h);
  co_await timer.async_wait(use_awaitable);
}

awaitable<void> fetch(int) { co_await rest(); }

awaitable<void> store(int) { co_await rest(); }

awaitable<void> work() {
  auto later = store(1);
  std::vector<awaitable<void>> others;
  others.push_back(store(3));
  others.push_back(store(4));
  const auto owned = std::make_unique<awaitable<void>>(store(5));
  co_await rest();
  co_await std::move(later);
}

awaitable<void> await_first() { co_await std::move(kept.front()); }

int run(std::string_view how) {
  asio::io_context context, others;
  for (int i = 0; i < 3; ++i) kept.push_back(fetch(i));
  co_spawn(context, work(), detached);
  co_spawn(others, store(2), detached);
  if (how == "one") co_spawn(context, await_first(), detached);
  context.poll();
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
  }
  std::_Exit(EXIT_SUCCESS);
}

}  // namespace not_awaited

int main(int argc, char** argv) { return not_awaited::run(argc > 1 ? argv[1] : ""); }

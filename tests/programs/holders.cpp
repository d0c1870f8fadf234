/// A task waits on the channel of a hub, which others hold:
///
///   one       a session
///   several   three sessions, each as near as the others
///   data      likewise, and the program's own data
///
/// Prints `ready` once all wait, and ends when its standard input closes.

#include <asio.hpp>
#include <asio/experimental/concurrent_channel.hpp>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

namespace holders {

using asio::awaitable;
using asio::use_awaitable;

struct hub {
  explicit hub(const asio::any_io_executor& executor) : news(executor) {}
  asio::experimental::concurrent_channel<void(asio::error_code, int)> news;
};

std::shared_ptr<hub> known;

awaitable<void> listen(std::shared_ptr<hub> to) { co_await to->news.async_receive(use_awaitable); }

awaitable<void> session(std::shared_ptr<hub> with) {
  asio::steady_timer tomorrow(co_await asio::this_coro::executor, std::chrono::hours(24));
  co_await tomorrow.async_wait(use_awaitable);
  with->news.close();
}

[[gnu::noinline]] void start(asio::io_context& context, std::string_view how) {
  const auto made = std::make_shared<hub>(context.get_executor());
  if (how == "data") known = made;
  co_spawn(context, listen(made), asio::detached);
  for (int i = 0; i < (how == "one" ? 1 : 3); ++i) co_spawn(context, session(made), asio::detached);
}

}  // namespace holders

int main(int argc, char** argv) {
  asio::io_context context;
  holders::start(context, argc == 2 ? argv[1] : "");
  asio::post(context, [] { std::cout << "ready" << std::endl; });
  std::thread worker([&] { context.run(); });
  std::string line;
  while (std::getline(std::cin, line)) {
  }
  std::_Exit(0);
}

/// Senders whose receiver has gone, each alone with its channel, whose address is all over a frame that is over and
/// whose memory a smaller frame has now: Asio gives memory again to who wants less. Prints `ready` when all wait.

#include <asio.hpp>
#include <asio/experimental/channel.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <utility>

namespace reused {

using channel = asio::experimental::channel<void(asio::error_code, int)>;

asio::awaitable<void> send(std::shared_ptr<channel> to) {
  co_await to->async_send(asio::error_code(), 1, asio::use_awaitable);
}

channel* start_sender(const asio::any_io_executor& executor) {
  auto answers = std::make_shared<channel>(executor, 0);
  auto* const its = answers.get();
  co_spawn(executor, send(std::move(answers)), asio::detached);
  return its;
}

asio::awaitable<void> remember() {
  const auto executor = co_await asio::this_coro::executor;
  // Nothing at its begin: parts of the next frame are not written, either.
  std::array<channel*, 80> all{};
  constexpr std::ptrdiff_t half = 40;
  std::fill(all.begin() + half, all.end(), start_sender(executor));
  co_await asio::post(executor, asio::use_awaitable);
  if (std::count(all.begin(), all.end(), all.back()) != half) std::abort();
}

/// Its frame is smaller than remember()'s.
asio::awaitable<void> rest(asio::steady_timer& timer) { co_await timer.async_wait(asio::use_awaitable); }

asio::awaitable<void> keep(asio::steady_timer& timer) {
  co_await remember();
  co_await rest(timer);
}

void run() {
  asio::io_context context(1);
  asio::steady_timer never(context, std::chrono::hours(1));
  for (int i = 0; i < 2; ++i) co_spawn(context, keep(never), asio::detached);
  asio::steady_timer settled(context, std::chrono::milliseconds(100));
  settled.async_wait([](const asio::error_code&) { std::cout << "ready" << std::endl; });
  asio::posix::stream_descriptor input(context, 0);
  std::array<char, 16> ignored{};
  input.async_read_some(asio::buffer(ignored), [&](const asio::error_code&, std::size_t) { context.stop(); });
  context.run();
}

}  // namespace reused

int main() { reused::run(); }

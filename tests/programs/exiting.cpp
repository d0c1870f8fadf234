/// An io_context with static storage that is destroyed at exit while two threads run it: the process does not end. It
/// would as soon as a system call of theirs returned EINTR. Its tasks wait for a timer, and on a channel that data
/// leads to.

#include <asio.hpp>
#include <asio/experimental/channel.hpp>

#include <atomic>
#include <chrono>
#include <iostream>
#include <thread>

namespace exiting {

using channel = asio::experimental::channel<void(asio::error_code, int)>;

asio::io_context& context() {
  static asio::io_context made(3);
  return made;
}

asio::awaitable<void> beat() {
  for (;;) {
    asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours(1));
    co_await timer.async_wait(asio::use_awaitable);
  }
}

asio::awaitable<void> take(channel& from) { co_await from.async_receive(asio::use_awaitable); }

void run() {
  static auto* const jobs = new channel(context(), 0);  // never destroyed
  const auto guard = asio::make_work_guard(context());
  for (int i = 0; i < 2; ++i) co_spawn(context(), beat(), asio::detached);
  co_spawn(context(), take(*jobs), asio::detached);
  std::atomic<int> begun = 0;
  for (int i = 0; i < 2; ++i)
    std::thread([&begun] {
      asio::post(context(), [&begun] { ++begun; });
      context().run();
    }).detach();
  while (begun != 2) std::this_thread::yield();
  std::cout << "ready" << std::endl;
}

}  // namespace exiting

int main() { exiting::run(); }

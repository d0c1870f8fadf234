/// A process that executes another program when it gets SIGUSR1: it goes on with the same pid, without a task.

#include <signal.h>
#include <unistd.h>
#include <asio.hpp>

#include <chrono>
#include <iostream>

namespace executing {

asio::awaitable<void> wait() {
  asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours(1));
  co_await timer.async_wait(asio::use_awaitable);
}

void run() {
  asio::io_context context;
  asio::signal_set signals(context, SIGUSR1);
  signals.async_wait([](const asio::error_code&, int) { ::execl("/bin/sleep", "sleep", "3600", nullptr); });
  co_spawn(context, wait(), asio::detached);
  std::cout << "ready" << std::endl;
  context.run();
}

}  // namespace executing

int main() { executing::run(); }

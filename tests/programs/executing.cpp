/// A process that executes another program when it gets SIGUSR1: the one that its argument names, or else one without
/// tasks. It goes on with the same pid.

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

void run(const char* program) {
  asio::io_context context;
  asio::signal_set signals(context, SIGUSR1);
  signals.async_wait([program](const asio::error_code&, int) {
    if (program != nullptr) ::execl(program, program, nullptr);
    ::execl("/bin/sleep", "sleep", "3600", nullptr);
  });
  co_spawn(context, wait(), asio::detached);
  std::cout << "ready" << std::endl;
  context.run();
}

}  // namespace executing

int main(int argc, char** argv) { executing::run(argc > 1 ? argv[1] : nullptr); }

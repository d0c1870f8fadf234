// Forks while another thread runs a task and holds a mutex: the child has a copy of the tasks, none of the threads that
// ran them, and a mutex that nobody will unlock, for which a task of its own waits. Prints `ready`, then the child's
// process id. With `unsaid` nobody in the child is told of the fork (_Fork(3)), and it does nothing.

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <asio.hpp>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <thread>

namespace forked {

using asio::awaitable;
using asio::use_awaitable;
using namespace std::chrono_literals;

std::atomic<bool> runs = false, ends = false;
std::mutex journal;

awaitable<void> computes() {
  co_await asio::post(use_awaitable);
  const std::lock_guard hold(journal);
  runs = true;
  while (!ends) std::this_thread::sleep_for(1ms);
}

awaitable<void> writes() {
  co_await asio::post(use_awaitable);
  const std::lock_guard hold(journal);
}

awaitable<void> waits() {
  asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
  co_await timer.async_wait(use_awaitable);
}

}  // namespace forked

int main(int argc, char**) {
  asio::io_context context, of_child;
  co_spawn(of_child, forked::writes(), asio::detached);
  co_spawn(context, forked::waits(), asio::detached);
  co_spawn(context, forked::computes(), asio::detached);
  std::thread worker([&] { context.run(); });
  while (!forked::runs) std::this_thread::yield();
  char byte = 0;
  const bool is_unsaid = argc > 1;
  const pid_t child = is_unsaid ? ::_Fork() : ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (is_unsaid) ::pause();
    of_child.run();
    ::_exit(1);  // it does not come to that
  }
  std::printf("ready\n%d\n", static_cast<int>(child));
  std::fflush(stdout);
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
  forked::ends = true;
  context.stop();
  worker.join();
}

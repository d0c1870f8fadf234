/// An io_context with static storage that is destroyed at exit while threads run it: the process does not end. It
/// would as soon as a system call of theirs returned EINTR. Its tasks wait for a timer, and on a channel that data
/// leads to.

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <asio.hpp>
#include <asio/experimental/channel.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>

namespace exiting {

using channel = asio::experimental::channel<void(asio::error_code, int)>;

asio::io_context& context() {
  static asio::io_context made(8);
  return made;
}

asio::awaitable<void> beat() {
  for (;;) {
    asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours(1));
    co_await timer.async_wait(asio::use_awaitable);
  }
}

asio::awaitable<void> take(channel& from) { co_await from.async_receive(asio::use_awaitable); }

/// The system call that a thread is in, and its second argument; -1: none.
struct system_call {
  long number = -1;
  unsigned long operation = 0;
};
system_call call_of(pid_t tid) {
  std::ifstream file("/proc/self/task/" + std::to_string(tid) + "/syscall");
  system_call its;
  unsigned long address = 0;
  if (file >> its.number) file >> std::hex >> address >> its.operation;
  return its;
}

/// glibc calls one or the other, by machine.
bool waits_for_events(const system_call& call) {
#if defined(SYS_epoll_wait)
  if (call.number == SYS_epoll_wait) return true;
#endif
  return call.number == SYS_epoll_pwait;
}

/// On a condition variable: for a mutex glibc waits by FUTEX_WAIT.
bool waits_to_be_woken(const system_call& call) {
  return call.number == SYS_futex && (static_cast<int>(call.operation) & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
}

/// One waits in the reactor, so that nobody holds the scheduler's mutex, and the others to be woken.
template <std::size_t N>
bool wait(const std::array<std::atomic<pid_t>, N>& runners) {
  std::size_t in_reactor = 0;
  for (const auto& tid : runners) {
    const auto call = call_of(tid);
    if (waits_for_events(call))
      ++in_reactor;
    else if (!waits_to_be_woken(call))
      return false;
  }
  return in_reactor == 1;
}

void run() {
  static auto* const jobs = new channel(context(), 0);  // never destroyed
  const auto guard = asio::make_work_guard(context());
  for (int i = 0; i < 2; ++i) co_spawn(context(), beat(), asio::detached);
  co_spawn(context(), take(*jobs), asio::detached);
  // Each task that is destroyed at exit posts its frame's end, which wakes a runner: more wait than are woken, since
  // what nobody waits on is destroyed at once.
  static std::array<std::atomic<pid_t>, 1 + 2 * 3> runners;
  for (auto& tid : runners)
    std::thread([&tid] {
      tid = ::gettid();
      context().run();
    }).detach();
  while (!wait(runners)) std::this_thread::yield();
  std::cout << "ready" << std::endl;
}

}  // namespace exiting

int main() { exiting::run(); }

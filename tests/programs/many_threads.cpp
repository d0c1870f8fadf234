/// A program of as many threads as its argument says, each of which sleeps for ever, and three tasks: one waits on a
/// channel that nothing leads to, two on one that data leads to. Prints `threads N`, with all of them, and `ready`;
/// ends when its standard input closes.

#include <pthread.h>
#include <unistd.h>
#include <asio.hpp>
#include <asio/experimental/channel.hpp>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <memory>
#include <string>
#include <thread>

namespace many_threads {

using channel = asio::experimental::channel<void(asio::error_code, int)>;

std::atomic<int> begun{0};

void* sleep_for_ever(void*) {
  ++begun;
  for (;;) ::pause();
}

/// How many there are.
int start(int count) {
  pthread_attr_t small;
  ::pthread_attr_init(&small);
  ::pthread_attr_setstacksize(&small, 128 << 10);
  int made = 0;
  pthread_t thread;
  while (made < count && ::pthread_create(&thread, &small, sleep_for_ever, nullptr) == 0) ++made;
  while (begun != made) std::this_thread::yield();
  return made;
}

asio::awaitable<void> wait_for_nobody(std::shared_ptr<channel> nobody) {
  co_await nobody->async_receive(asio::use_awaitable);
}
asio::awaitable<void> wait_for_data(channel& held) { co_await held.async_receive(asio::use_awaitable); }

/// Not inlined: what it leaves on the stack is below its caller.
[[gnu::noinline]] void leak(asio::io_context& io) {
  co_spawn(io, wait_for_nobody(std::make_shared<channel>(io, 0)), asio::detached);
}

}  // namespace many_threads

int main(int, char** words) {
  static asio::io_context io;
  static many_threads::channel held(io, 0);
  static const auto work = asio::make_work_guard(io);
  many_threads::leak(io);
  for (int i = 0; i < 2; ++i) co_spawn(io, many_threads::wait_for_data(held), asio::detached);
  io.poll();
  std::thread([] { io.run(); }).detach();
  std::cout << "threads " << many_threads::start(std::stoi(words[1])) << "\nready" << std::endl;
  std::cin.ignore(std::numeric_limits<std::streamsize>::max());
  ::_exit(0);
}

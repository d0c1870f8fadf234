/// A process whose main thread has ended (pthread_exit(3)), which others outlive: one runs a task that waits on a
/// channel, and one ends the process with its standard input.

#include <pthread.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>
#include <asio.hpp>
#include <asio/experimental/channel.hpp>

#include <chrono>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>

namespace without_main {

using channel = asio::experimental::channel<void(asio::error_code, int)>;

asio::awaitable<void> take(channel& from) { co_await from.async_receive(asio::use_awaitable); }

bool main_thread_has_ended() {
  std::ifstream file("/proc/self/task/" + std::to_string(::getpid()) + "/stat");
  std::string line;
  return std::getline(file, line) && line.find(") Z ") != line.npos;
}

void serve() {
  asio::io_context context(1);
  channel from(context);
  asio::co_spawn(context, take(from), asio::detached);
  while (!main_thread_has_ended()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  asio::post(context, [] { std::cout << "ready" << std::endl; });
  const auto work = asio::make_work_guard(context);
  context.run();
}

void end_with_input() {
  while (std::cin.get() != std::char_traits<char>::eof()) continue;
  ::_exit(0);
}

}  // namespace without_main

int main() {
  std::thread(without_main::serve).detach();
  std::thread(without_main::end_with_input).detach();
  ::pthread_exit(nullptr);
}

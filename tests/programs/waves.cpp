// Tasks that last, between waves of others of the same functions that have ended by then, in each way in which they
// can: they return, an exception ends them, or their io_context is destroyed while they wait. Memory of theirs stays as
// it was left, or is used again. Prints how many last, then `ready`; ends when its standard input closes.
//
//   waves WAVES

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/executor_work_guard.hpp>
#include <asio/experimental/channel.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <chrono>
#include <cstdio>
#include <exception>
#include <iostream>
#include <list>
#include <stdexcept>
#include <string>
#include <thread>

namespace waves {

using channel = asio::experimental::channel<void(std::error_code, int)>;

enum class how { waits, returns, throws };

asio::awaitable<int> nap(how it, std::string name) {
  asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours(1));
  if (it == how::throws) throw std::runtime_error(name);
  if (it == how::waits) co_await timer.async_wait(asio::use_awaitable);
  co_await asio::post(asio::use_awaitable);
  co_return static_cast<int>(name.size());
}

asio::awaitable<int> receive(how it, channel& from) {
  if (it == how::throws) throw std::runtime_error("nothing to receive");
  if (it == how::waits) co_return co_await from.async_receive(asio::use_awaitable);
  co_await asio::post(asio::use_awaitable);
  co_return 0;
}

asio::awaitable<void> sleeper(how it) { co_await nap(it, std::string(100, 'x')); }
asio::awaitable<void> receiver(how it, channel& from) { co_await receive(it, from); }

void spawn(asio::io_context& in, channel& from, how it, int pairs) {
  const auto swallow = [](const std::exception_ptr&) {};
  for (int i = 0; i < pairs; ++i) {
    co_spawn(in, sleeper(it), swallow);
    co_spawn(in, receiver(it, from), swallow);
  }
}

/// All of them have ended when it returns.
void pass(int pairs) {
  asio::io_context context;
  channel never(context, 0);
  for (const auto it : {how::returns, how::throws, how::waits}) spawn(context, never, it, pairs);
  context.poll();
}

}  // namespace waves

int main(int argc, char** argv) {
  constexpr int pairs_of_wave = 200, pairs_that_last = 3;
  const int count = argc > 1 ? std::stoi(argv[1]) : 0;
  asio::io_context context;
  waves::channel never(context, 0);
  waves::spawn(context, never, waves::how::waits, pairs_that_last);
  context.poll();
  for (int i = 0; i < count; ++i) {
    std::jthread([] { waves::pass(pairs_of_wave); }).join();
    waves::pass(pairs_of_wave);
    waves::spawn(context, never, waves::how::waits, pairs_that_last);
    context.poll();
  }
  const auto guard = asio::make_work_guard(context);
  std::jthread worker([&] { context.run(); });
  std::printf("tasks %d\nready\n", 2 * pairs_that_last * (count + 1));
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
  }
  context.stop();
}

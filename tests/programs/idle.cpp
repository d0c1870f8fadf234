/// A program whose io_context has nothing to do, or has, in the way that its argument names:
///
///   joined    two threads wait in run(), which a work guard keeps, and the main thread waits for their end
///   open      likewise, but the main thread reads its standard input
///   timed     as joined, but one of the two threads waits in run_for()
///   handler   as joined, and the program handles a signal by itself
///   one       as joined, of a context for one thread, beside a thread_pool of one thread
///   waits     as joined, but a task waits on a channel, too
///   resolved  as joined, and a name was looked up before, for which Asio has a thread
///   pool      nothing but a thread_pool, for whose threads the main thread waits
///   timer     as joined, but a callback waits for a timer
///   accept    likewise, for a connection
///   signal    likewise, for a signal
///   other     likewise, for a timer of another context
///   runs      as joined, but for a thread that computes in a handler of another context
///
/// Prints `ready` once that has begun, and ends when its standard input closes, or after ten minutes.

#include <unistd.h>
#include <asio.hpp>
#include <asio/experimental/concurrent_channel.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace idle {

using asio::awaitable;
using asio::co_spawn;
using asio::detached;
using asio::use_awaitable;
using namespace std::chrono_literals;

using channel = asio::experimental::concurrent_channel<void(std::error_code, int)>;

awaitable<void> end_at_once() { co_return; }

awaitable<void> receive(channel& from) { co_await from.async_receive(use_awaitable); }

/// How many handlers have run, or begun.
std::atomic<int> runs{0};

void wait_for_run() { runs.wait(0); }

void note_run() {
  ++runs;
  runs.notify_all();
}

/// A handler that does not end.
void compute() {
  note_run();
  for (std::atomic<bool> ends{false}; !ends;) std::this_thread::yield();
}

int run(std::string_view how) {
  ::alarm(600);
  asio::io_context mine(how == "one" ? 1 : 2), other;
  asio::thread_pool pool(1);
  const auto guard = asio::make_work_guard(mine);
  channel numbers(mine, 0);
  asio::steady_timer timer(how == "other" ? other : mine, 24h);
  asio::ip::tcp::acceptor acceptor(mine);
  asio::signal_set signals(mine);
  asio::ip::tcp::resolver resolver(mine);
  const auto ignore = [](auto&&...) {};
  if (how == "timer" || how == "other") timer.async_wait(ignore);
  if (how == "signal") {
    signals.add(SIGUSR2);
    signals.async_wait(ignore);
  }
  if (how == "accept") {
    acceptor.open(asio::ip::tcp::v4());
    acceptor.bind({asio::ip::address_v4::loopback(), 0});
    acceptor.listen();
    acceptor.async_accept(ignore);
  }
  if (how == "resolved")
    resolver.async_resolve("127.0.0.1", "1", asio::ip::resolver_base::numeric_host,
                           [](const std::error_code&, const auto&) { note_run(); });
  if (how == "runs") asio::post(other, compute);
  if (how == "pool") asio::post(pool, note_run);
  if (how == "waits")
    co_spawn(mine, receive(numbers), detached);
  else
    co_spawn(mine, end_at_once(), detached);

  std::vector<std::thread> workers;
  const auto add_worker = [&](asio::io_context& to) { workers.emplace_back([&to] { to.run(); }); };
  if (how == "handler") std::signal(SIGUSR2, [](int) {});
  if (how == "pool") {
    mine.poll();
  } else {
    add_worker(mine);
    if (how == "timed")
      workers.emplace_back([&mine] { mine.run_for(24h); });
    else if (how != "one")
      add_worker(mine);
    if (how == "other" || how == "runs") add_worker(other);
  }
  if (how == "resolved" || how == "pool" || how == "runs") wait_for_run();
  std::cout << "ready" << std::endl;
  if (how == "open") {
    for (std::string line; std::getline(std::cin, line);) {
    }
    std::_Exit(EXIT_SUCCESS);
  }
  if (how == "pool") {
    // As long as the pool has work, which the guard of an executor is.
    const auto keeps = asio::require(pool.get_executor(), asio::execution::outstanding_work.tracked);
    pool.join();
  }
  for (auto& worker : workers) worker.join();
  return EXIT_SUCCESS;
}

}  // namespace idle

int main(int argc, char** argv) { return idle::run(argc > 1 ? argv[1] : "joined"); }

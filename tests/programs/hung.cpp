/// A program whose two workers have stopped serving, in the way that its argument names:
///
///   loop       every worker runs a task that never ends and never awaits
///   deadlock   one task keeps a mutex locked while it awaits; every worker blocks on it before that task can go on
///   blocked    one worker is in a blocking read; the other one is idle
///   future     one worker waits for a future; the other one is idle
///   healthy    all tasks wait, both workers are idle
///   crashes    a task writes where it must not
///   crashes_twice       a task of each worker does, once a line comes in
///   crashes_starting    an operation of the program's own does, while it is started
///
/// Prints `ready` once that is so, and ends when its standard input closes, whatever its workers do.

#include <asio.hpp>
#include <asio/experimental/concurrent_channel.hpp>

#include <unistd.h>

#include <atomic>
#include <future>
#include <iostream>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace hung {

using asio::awaitable;
using asio::co_spawn;
using asio::detached;
using asio::use_awaitable;

constexpr int workers = 2;

/// What has gone as far as it will.
std::atomic<int> settled{0};

void settle() {
  settled.fetch_add(1);
  settled.notify_one();
}

std::atomic<unsigned> steps{0};

[[gnu::noinline]] void crunch(unsigned step) {
  settle();
  for (;;) steps.fetch_add(step, std::memory_order_relaxed);  // for ever
}

awaitable<void> calculate(unsigned step) {
  crunch(step);
  co_return;
}

awaitable<void> loop(unsigned step) { co_await calculate(step); }

std::mutex ledger;

[[gnu::noinline]] void book(int amount) {
  settle();
  const std::lock_guard lock(ledger);  // kept by audit()
  std::cout << amount << '\n';
}

awaitable<void> pay(int amount) {
  co_await asio::post(co_await asio::this_coro::executor, use_awaitable);
  book(amount);
}

awaitable<void> audit() {
  const auto executor = co_await asio::this_coro::executor;
  const std::lock_guard lock(ledger);
  for (int i = 0; i < workers; ++i) co_spawn(executor, pay(i), detached);
  // Each payment takes two turns of a worker, and this task asks for three.
  for (int i = 0; i < 3; ++i) co_await asio::post(executor, use_awaitable);
}

[[gnu::noinline]] void fetch(int from) {
  settle();
  char byte;
  if (::read(from, &byte, 1) < 0) std::abort();
}

awaitable<void> load(int from) {
  co_await asio::post(co_await asio::this_coro::executor, use_awaitable);
  fetch(from);
}

[[gnu::noinline]] int answer_of(std::future<int>& future) {
  settle();
  return future.get();
}

awaitable<void> wait_for_nothing() {
  co_await asio::post(co_await asio::this_coro::executor, use_awaitable);
  std::promise<int> promise;
  auto future = promise.get_future();
  std::cout << answer_of(future) << '\n';
}

[[gnu::noinline]] void write_to(int* where) { *where = 7; }

int* volatile nowhere = reinterpret_cast<int*>(16);

awaitable<void> crash() {
  co_await asio::post(co_await asio::this_coro::executor, use_awaitable);
  write_to(nowhere);
}

std::atomic<bool> asked{false};

awaitable<void> crash_when_asked() {
  co_await asio::post(co_await asio::this_coro::executor, use_awaitable);
  settle();
  asked.wait(false);
  write_to(nowhere);
}

template <class Token>
auto async_crash(Token&& token) {
  return asio::async_initiate<Token, void()>(
      [](auto handler) {
        write_to(nowhere);
        asio::post(std::move(handler));
      },
      token);
}

awaitable<void> crash_starting() {
  co_await asio::post(co_await asio::this_coro::executor, use_awaitable);
  co_await async_crash(use_awaitable);
}

using jobs = asio::experimental::concurrent_channel<void(asio::error_code, int)>;

awaitable<void> serve(jobs& from) {
  settle();
  for (;;) co_await from.async_receive(use_awaitable);
}

int run(std::string_view how) {
  asio::io_context context(workers);
  const auto work = asio::make_work_guard(context);
  jobs requests(context, 1);
  int pipe_ends[2] = {-1, -1};
  int expected = 0;
  if (how == "loop") {
    for (unsigned i = 0; i < workers; ++i) co_spawn(context, loop(i + 1), detached);
    expected = workers;
  } else if (how == "deadlock") {
    co_spawn(context, audit(), detached);
    expected = workers;
  } else if (how == "blocked" && ::pipe(pipe_ends) == 0) {
    co_spawn(context, load(pipe_ends[0]), detached);
    expected = 1;
  } else if (how == "future") {
    co_spawn(context, wait_for_nothing(), detached);
    expected = 1;
  } else if (how == "crashes") {
    co_spawn(context, crash(), detached);
    expected = 1;
  } else if (how == "crashes_twice") {
    for (int i = 0; i < workers; ++i) co_spawn(context, crash_when_asked(), detached);
    expected = workers;
  } else if (how == "crashes_starting") {
    co_spawn(context, crash_starting(), detached);
    expected = 1;
  } else if (how == "healthy") {
    co_spawn(context, serve(requests), detached);
    expected = 1;
  } else {
    std::cerr << "hung: loop, deadlock, blocked, future, healthy, crashes, crashes_twice or crashes_starting?\n";
    return 2;
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < workers; ++i) threads.emplace_back([&context] { context.run(); });
  for (int seen = settled; seen < expected; seen = settled) settled.wait(seen);
  std::cout << "ready" << std::endl;

  char byte;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
    asked = true;
    asked.notify_all();
  }
  ::_exit(0);
}

}  // namespace hung

int main(int argc, char** argv) { return hung::run(argc == 2 ? argv[1] : ""); }

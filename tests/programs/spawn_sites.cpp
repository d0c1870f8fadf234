// Spawns a task from each kind of place where programs do. Every task waits in a function of its own; the line of its
// co_spawn ends with that function's name in a comment, and nothing else says where it is to be found.

#include <alloca.h>

#include <asio.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#include <chrono>
#include <cstring>
#include <functional>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

using asio::awaitable;
using asio::detached;
using asio::use_awaitable;
using namespace asio::experimental::awaitable_operators;
using namespace std::chrono_literals;

awaitable<void> wait_for_ever() {
  asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
  co_await timer.async_wait(use_awaitable);
}

awaitable<void> of_main() { co_await wait_for_ever(); }
awaitable<void> of_main_again() { co_await wait_for_ever(); }
awaitable<void> of_thread() { co_await wait_for_ever(); }
awaitable<void> of_function() { co_await wait_for_ever(); }
awaitable<void> of_template(int) { co_await wait_for_ever(); }
awaitable<void> of_lambda() { co_await wait_for_ever(); }
awaitable<void> of_std_function() { co_await wait_for_ever(); }
awaitable<void> of_member() { co_await wait_for_ever(); }
awaitable<void> of_virtual() { co_await wait_for_ever(); }
awaitable<void> of_destructor() { co_await wait_for_ever(); }
awaitable<void> of_handler() { co_await wait_for_ever(); }
awaitable<void> of_timer_handler() { co_await wait_for_ever(); }
awaitable<void> of_coroutine_begin() { co_await wait_for_ever(); }
awaitable<void> of_coroutine() { co_await wait_for_ever(); }
awaitable<void> of_coroutine_again() { co_await wait_for_ever(); }
awaitable<int> of_coroutine_with_result() {
  co_await wait_for_ever();
  co_return 1;
}
awaitable<void> of_nested() { co_await wait_for_ever(); }
awaitable<void> of_depth(int) { co_await wait_for_ever(); }
awaitable<void> of_loop(int) { co_await wait_for_ever(); }
awaitable<void> of_strand() { co_await wait_for_ever(); }
awaitable<void> of_context() { co_await wait_for_ever(); }
awaitable<void> of_callback() { co_await wait_for_ever(); }
awaitable<void> of_catch() { co_await wait_for_ever(); }
awaitable<void> of_alloca(int) { co_await wait_for_ever(); }
awaitable<void> of_aligned() { co_await wait_for_ever(); }
awaitable<void> of_large_frame() { co_await wait_for_ever(); }
awaitable<void> of_recursion(int) { co_await wait_for_ever(); }

using executor = asio::any_io_executor;

[[gnu::noinline]] void spawn_plainly(const executor& ex) {
  co_spawn(ex, of_function(), detached);  // of_function
}

template <class Tag>
[[gnu::noinline]] void spawn_in_template(const executor& ex, Tag tag) {
  co_spawn(ex, of_template(static_cast<int>(sizeof tag)), detached);  // of_template
}

struct server {
  executor ex;
  void start() {
    co_spawn(ex, of_member(), detached);  // of_member
  }
};

struct base {
  virtual ~base() = default;
  virtual void start(const executor& ex) = 0;
};
struct derived final : base {
  void start(const executor& ex) override {
    co_spawn(ex, of_virtual(), detached);  // of_virtual
  }
};

struct spawns_at_its_end {
  executor ex;
  ~spawns_at_its_end() {
    co_spawn(ex, of_destructor(), detached);  // of_destructor
  }
};

/// The size of this frame differs from call to call.
[[gnu::noinline]] void spawn_above_alloca(const executor& ex, std::size_t size) {
  auto* bytes = static_cast<char*>(alloca(size));
  std::memset(bytes, 1, size);
  co_spawn(ex, of_alloca(bytes[size / 2]), detached);  // of_alloca
  asm volatile("" : : "r"(bytes) : "memory");
}

[[gnu::noinline]] void spawn_aligned(const executor& ex) {
  alignas(64) char line[64] = {};
  asm volatile("" : : "r"(line) : "memory");
  co_spawn(ex, of_aligned(), detached);  // of_aligned
  asm volatile("" : : "r"(line) : "memory");
}

[[gnu::noinline]] void spawn_in_large_frame(const executor& ex) {
  char page[20'000];
  asm volatile("" : : "r"(page) : "memory");
  co_spawn(ex, of_large_frame(), detached);  // of_large_frame
  asm volatile("" : : "r"(page) : "memory");
}

[[gnu::noinline]] void spawn_in_recursion(const executor& ex, int depth) {
  if (depth > 0) spawn_in_recursion(ex, depth - 1);
  co_spawn(ex, of_recursion(depth), detached);  // of_recursion
}

[[gnu::noinline]] void spawn_in_catch(const executor& ex) {
  try {
    throw std::runtime_error("x");
  } catch (const std::exception&) {
    co_spawn(ex, of_catch(), detached);  // of_catch
  }
}

awaitable<void> deep(int n) {
  asio::steady_timer timer(co_await asio::this_coro::executor, 1ms);
  co_await timer.async_wait(use_awaitable);
  if (n > 0) co_return co_await deep(n - 1);
  co_spawn(timer.get_executor(), of_depth(n), detached);  // of_depth
}

awaitable<void> nested() {
  auto ex = co_await asio::this_coro::executor;
  co_spawn(ex, of_nested(), detached);  // of_nested
  co_await wait_for_ever();
}

awaitable<void> session(int n) {
  const auto ex = co_await asio::this_coro::executor;
  int sum = 0;
  for (int i = 0; i < n; ++i) sum += i;

  co_spawn(ex, of_coroutine(), detached);  // of_coroutine
  sum *= 2;
  co_spawn(ex, of_coroutine_again(), detached);  // of_coroutine_again

  co_spawn(ex, of_coroutine_with_result(), [](const std::exception_ptr&, int) {});  // of_coroutine_with_result
  for (int i = 0; i < 3; ++i) {
    co_spawn(ex, of_loop(sum + i), detached);  // of_loop
  }
  co_await deep(12);
  co_await (nested() && nested());  // nested
}

awaitable<void> at_its_beginning(executor ex) {
  co_spawn(ex, of_coroutine_begin(), detached);  // of_coroutine_begin
  co_await wait_for_ever();
}

}  // namespace

int main() {
  asio::io_context context;
  const executor ex = context.get_executor();
  co_spawn(ex, of_main(), detached);          // of_main
  co_spawn(context, of_context(), detached);  // of_context

  std::thread([&] {
    co_spawn(ex, of_thread(), detached);  // of_thread
  }).join();
  for (int i = 0; i < 3; ++i) spawn_plainly(ex);
  spawn_in_template(ex, 1);
  spawn_in_template(ex, std::string());
  const auto lambda = [&](int) {
    co_spawn(ex, of_lambda(), detached);  // of_lambda
  };
  lambda(1);
  const std::function<void()> function = [&] {
    co_spawn(ex, of_std_function(), detached);  // of_std_function
  };
  function();
  server{ex}.start();
  std::unique_ptr<base>(new derived)->start(ex);
  static_cast<void>(spawns_at_its_end{ex});
  for (std::size_t size = 16; size < 4096; size *= 2) spawn_above_alloca(ex, size);
  spawn_aligned(ex);
  spawn_in_large_frame(ex);
  spawn_in_recursion(ex, 20);
  spawn_in_catch(ex);
  co_spawn(asio::make_strand(ex), of_strand(), detached);                                  // of_strand
  co_spawn(ex, of_callback(), asio::bind_executor(ex, [](const std::exception_ptr&) {}));  // of_callback
  asio::post(ex, [&] {
    co_spawn(ex, of_handler(), detached);  // of_handler
  });
  asio::steady_timer timer(ex, 1ms);
  timer.async_wait([&](std::error_code) {
    co_spawn(ex, of_timer_handler(), detached);  // of_timer_handler
  });
  co_spawn(ex, session(3), detached);            // session
  co_spawn(ex, at_its_beginning(ex), detached);  // at_its_beginning
  co_spawn(ex, of_main_again(), detached);       // of_main_again

  std::thread io([&] { context.run(); });
  std::cout << "ready" << std::endl;
  while (std::cin.get() != EOF) {
  }
  context.stop();
  io.join();
}

/// Coroutines without Asio, each kind as a library that many use has it: how a promise keeps whom to go on with is what
/// tells them apart. All of them wait for ever.
///
///   lazy      begins when it is awaited and goes on by symmetric transfer, as cppcoro::task and libcoro's
///   eager     begins at once, as Boost.Cobalt's promise; whoever awaits it comes later
///   pooled    keeps an executor before its awaiter, as folly::coro::Task
///   all       waits for several at once by a counter in its own frame, as when_all() of each of them
///   sequence  hands out values, as std::generator
///   detached  nobody awaits it
///
/// Prints `ready`, and ends when its standard input closes.

#include <coroutine>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace coroutines {

/// What all wait for: it never happens.
struct never {
  std::vector<std::coroutine_handle<>> waiters{};
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) { waiters.push_back(waiter); }
  void await_resume() const noexcept {}
};

/// What main() has, wherever a compiler would rather keep it.
std::vector<std::coroutine_handle<>> kept;  // NOLINT

never happens;  // NOLINT: holds its waiters as a program's own event would

struct go_on {
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <class Promise>
  std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
    return ended.promise().awaiter;
  }
  void await_resume() const noexcept {}
};

template <class Coroutine>
struct promise_of_nothing {
  Coroutine get_return_object() {
    return Coroutine{std::coroutine_handle<typename Coroutine::promise_type>::from_promise(
        static_cast<typename Coroutine::promise_type&>(*this))};
  }
  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
  [[nodiscard]] go_on final_suspend() const noexcept { return {}; }
  void return_void() const noexcept {}
  [[noreturn]] void unhandled_exception() const { std::terminate(); }
};

struct lazy {
  struct promise_type : promise_of_nothing<lazy> {
    std::coroutine_handle<> awaiter = std::noop_coroutine();
  };
  std::coroutine_handle<promise_type> of;
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) const noexcept {
    of.promise().awaiter = awaiter;
    return of;
  }
  void await_resume() const noexcept {}
};

struct eager {
  struct promise_type : promise_of_nothing<eager> {
    std::size_t results = 0;
    std::coroutine_handle<> awaiter = std::noop_coroutine();
    [[nodiscard]] std::suspend_never initial_suspend() const noexcept { return {}; }
  };
  std::coroutine_handle<promise_type> of;
  [[nodiscard]] bool await_ready() const noexcept { return of.done(); }
  void await_suspend(std::coroutine_handle<> awaiter) const noexcept { of.promise().awaiter = awaiter; }
  void await_resume() const noexcept {}
};

struct executor {
  int threads = 1;
};

struct pooled {
  struct promise_type : promise_of_nothing<pooled> {
    executor* runs_on = nullptr;
    std::size_t priority = 0;
    std::coroutine_handle<> awaiter = std::noop_coroutine();
  };
  std::coroutine_handle<promise_type> of;
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) const noexcept {
    of.promise().awaiter = awaiter;
    return of;
  }
  void await_resume() const noexcept {}
};

/// Counts those that are not over, in the frame of whoever waits for them.
struct latch {
  std::size_t left = 0;
  std::coroutine_handle<> awaiter{};
};

struct member {
  struct promise_type : promise_of_nothing<member> {
    latch* counts = nullptr;
    std::coroutine_handle<> awaiter = std::noop_coroutine();
  };
  std::coroutine_handle<promise_type> of;
};

struct all {
  std::vector<member> members;
  latch counts{};
  [[nodiscard]] bool await_ready() const noexcept { return members.empty(); }
  void await_suspend(std::coroutine_handle<> awaiter) noexcept {
    counts = {members.size(), awaiter};
    for (const auto& each : members) {
      each.of.promise().counts = &counts;
      each.of.resume();
    }
  }
  void await_resume() const noexcept {}
};

struct sequence {
  struct promise_type {
    int value = 0;
    sequence get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
    [[nodiscard]] std::suspend_always final_suspend() const noexcept { return {}; }
    [[nodiscard]] std::suspend_always yield_value(int next) noexcept {
      value = next;
      return {};
    }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const { std::terminate(); }
  };
  std::coroutine_handle<promise_type> of;
};

struct detached {
  struct promise_type {
    detached get_return_object() { return {}; }
    [[nodiscard]] std::suspend_never initial_suspend() const noexcept { return {}; }
    [[nodiscard]] std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const { std::terminate(); }
  };
};

lazy reads_row(int number) {
  std::string row = "row " + std::to_string(number);
  co_await happens;  // of a row
  std::cout << row << '\n';
}
lazy reads_table(int number) { co_await reads_row(number); }
lazy answers_query() { co_await reads_table(7); }

eager loads_page() {
  co_await happens;  // of a page
}
eager renders_page() {
  auto page = loads_page();
  co_await page;
}

pooled stores_entry() {
  co_await happens;  // of an entry
}
pooled stores_log() { co_await stores_entry(); }

member fetches(int shard) { co_await reads_row(shard); }
lazy fetches_all() {
  all shards{{fetches(1), fetches(2)}};
  co_await shards;
}

sequence counts_up() {
  for (int i = 0;; ++i) {
    co_yield i;
  }
}

detached beats() {
  co_await happens;  // of a beat
}

}  // namespace coroutines

int main() {
  using namespace coroutines;
  const auto query = answers_query();
  query.of.resume();
  const auto page = renders_page();
  const auto log = stores_log();
  log.of.resume();
  const auto shards = fetches_all();
  shards.of.resume();
  const auto numbers = counts_up();
  numbers.of.resume();
  kept.push_back(numbers.of);
  beats();
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
  }
  std::_Exit(page.of.done() ? EXIT_FAILURE : EXIT_SUCCESS);
}

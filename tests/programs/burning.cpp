/// A program that uses CPU time in a way that is known, as its argument names:
///
///   split   a worker runs two tasks by turns, of which one burns three times as much as the other, each from within an
///           await; a thread without tasks burns as much as the first; three tasks wait for a channel
///   alike   tasks of three colours, of the same functions and spawned in different places, run by turns, some
///           microseconds each; each burns in a function of its colour
///   brief   such tasks that end with their run, of which others take the place
///   callers one task that burns in those colours by turns, in one function that it awaits from three
///   begin   a thread without tasks begins with each line, and burns for ever
///   epoll   two threads wake each other through epoll_wait(2) thousands of times a second, and compute in between
///
/// Prints `ready`. To each line on its standard input it answers with a line: CPU time in nanoseconds that each of
/// `heavy`, `light` and `plain` has had, or how many waits there were and how many of them returned EINTR, or anything.
/// Ends when that closes.

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <asio.hpp>
#include <asio/experimental/concurrent_channel.hpp>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <tasks/this_task.hpp>
#include <thread>

namespace burning {

using asio::awaitable;
using asio::co_spawn;
using asio::detached;
using asio::use_awaitable;
using channel = asio::experimental::concurrent_channel<void(std::error_code, int)>;

struct meter {
  std::atomic<std::uint64_t> ns{0};
};
meter heavy_meter, light_meter, plain_meter;
std::atomic<std::uint64_t> sink{0};

std::uint64_t thread_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(t.tv_nsec);
}

[[gnu::noinline]] void burn(unsigned rounds) {
  for (unsigned i = 0; i < rounds * 200'000; ++i) sink.fetch_add(i, std::memory_order_relaxed);
}

[[gnu::noinline]] void measured_burn(unsigned rounds, meter& to) {
  const auto before = thread_ns();
  burn(rounds);
  to.ns += thread_ns() - before;
}

awaitable<void> heavy_inner() {
  measured_burn(3, heavy_meter);
  co_return;
}

awaitable<void> heavy_step() { co_await heavy_inner(); }

awaitable<void> heavy() {
  tasks::this_task::set_name("heavy one");
  for (;;) {
    co_await asio::post(co_await asio::this_coro::executor, use_awaitable);
    co_await heavy_step();
  }
}

awaitable<void> light_inner() {
  measured_burn(1, light_meter);
  co_return;
}

awaitable<void> light() {
  for (;;) {
    co_await asio::post(co_await asio::this_coro::executor, use_awaitable);
    co_await light_inner();
  }
}

awaitable<void> idle(channel& from) { co_await from.async_receive(use_awaitable); }

[[noreturn]] void burn_plainly() {
  ::pthread_setname_np(::pthread_self(), "plain");
  for (;;) measured_burn(1, plain_meter);
}

void start_idle(asio::io_context& context, channel& never) {
  for (int i = 0; i < 3; ++i) co_spawn(context, idle(never), detached);
}

void start_burning(asio::io_context& context) {
  co_spawn(context, heavy(), detached);
  co_spawn(context, light(), detached);
}

int split() {
  asio::io_context context(1);
  channel never(context, 0);
  start_idle(context, never);
  start_burning(context);
  std::thread plain(burn_plainly);
  std::thread worker([&context] { context.run(); });
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);)
    std::cout << heavy_meter.ns << ' ' << light_meter.ns << ' ' << plain_meter.ns << std::endl;
  std::_Exit(EXIT_SUCCESS);
}

enum class colour { red, green, blue };

[[gnu::noinline]] void burn_red() {
  for (unsigned i = 0; i < 1'000; ++i) sink.fetch_add(i, std::memory_order_relaxed);
}
[[gnu::noinline]] void burn_green() {
  for (unsigned i = 0; i < 5'000; ++i) sink.fetch_add(2 * i, std::memory_order_relaxed);
}
[[gnu::noinline]] void burn_blue() {
  for (unsigned i = 0; i < 20'000; ++i) sink.fetch_add(3 * i, std::memory_order_relaxed);
}

awaitable<void> paint(colour in) {
  if (in == colour::red) burn_red();
  if (in == colour::green) burn_green();
  if (in == colour::blue) burn_blue();
  co_return;
}

/// So that more frames are given back than a task needs to wait: others get them.
awaitable<void> cover(colour in) { co_await paint(in); }

awaitable<void> paint_for_ever(colour in) {
  for (;;) {
    co_await asio::post(co_await asio::this_coro::executor, use_awaitable);
    co_await cover(in);
  }
}

awaitable<void> paint_once(colour in) { co_await paint(in); }

awaitable<void> via_red() { co_await paint(colour::red); }
awaitable<void> via_green() { co_await paint(colour::green); }
awaitable<void> via_blue() { co_await paint(colour::blue); }

/// One task, whose innermost frame is that of one function at one address, whoever has awaited it.
awaitable<void> paint_via_all() {
  for (;;) {
    co_await asio::post(co_await asio::this_coro::executor, use_awaitable);
    co_await via_red();
    co_await via_green();
    co_await via_blue();
  }
}

using painter = awaitable<void> (*)(colour);
[[gnu::noinline]] void spawn_red(asio::io_context& context, painter of) {
  co_spawn(context, of(colour::red), detached);
}
[[gnu::noinline]] void spawn_green(asio::io_context& context, painter of) {
  co_spawn(context, of(colour::green), detached);
}
[[gnu::noinline]] void spawn_blue(asio::io_context& context, painter of) {
  co_spawn(context, of(colour::blue), detached);
}

void spawn_all(asio::io_context& context, painter of) {
  spawn_red(context, of);
  spawn_green(context, of);
  spawn_blue(context, of);
}

[[noreturn]] void spawn_again_and_again(asio::io_context& context) {
  for (;; context.restart()) {
    spawn_all(context, paint_once);
    context.run();
  }
}

/// `how` as of the program. Tasks run on the first thread, or on another.
int paint_colours(std::string_view how, bool on_first_thread) {
  asio::io_context context(1);
  const auto work = [&] {
    if (how == "brief") spawn_again_and_again(context);
    if (how == "callers") co_spawn(context, paint_via_all(), detached);
    for (int i = 0; i < 3 && how == "alike"; ++i) spawn_all(context, paint_for_ever);
    context.run();
  };
  const auto answer = [] {
    for (std::string line; std::getline(std::cin, line);) std::cout << sink << std::endl;
    std::_Exit(EXIT_SUCCESS);
  };
  std::cout << "ready" << std::endl;
  if (on_first_thread) {
    std::thread(answer).detach();
    work();
  } else {
    std::thread(work).detach();
    answer();
  }
  return 0;
}

int begin_threads() {
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    std::thread(burn_plainly).detach();
    std::cout << plain_meter.ns << std::endl;
  }
  std::_Exit(EXIT_SUCCESS);
}

std::atomic<std::uint64_t> waits{0}, interrupted{0};

/// Waits for the one, computes for some microseconds, and wakes who waits for the other.
[[noreturn]] void pass_on(int from, int to) {
  const int epoll = ::epoll_create1(0);
  epoll_event event{};
  event.events = EPOLLIN;
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, from, &event);
  for (;;) {
    const int ready = ::epoll_wait(epoll, &event, 1, -1);
    ++waits;
    if (ready < 0 && errno == EINTR) ++interrupted;
    if (ready <= 0) continue;
    std::uint64_t value = 0;
    if (::read(from, &value, sizeof value) < 0) std::abort();
    for (unsigned i = 0; i < 5000; ++i) sink.fetch_add(i, std::memory_order_relaxed);
    value = 1;
    if (::write(to, &value, sizeof value) < 0) std::abort();
  }
}

int pass_to_and_fro() {
  const int first = ::eventfd(1, 0), second = ::eventfd(0, 0);
  std::thread one(pass_on, first, second), other(pass_on, second, first);
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) std::cout << waits << ' ' << interrupted << std::endl;
  std::_Exit(EXIT_SUCCESS);
}

}  // namespace burning

int main(int argc, char** argv) {
  const std::string_view how = argc >= 2 ? argv[1] : "", where = argc == 3 ? argv[2] : "";
  if (how == "split") return burning::split();
  if (how == "epoll") return burning::pass_to_and_fro();
  if (how == "begin") return burning::begin_threads();
  if (how == "alike" || how == "brief" || how == "callers") return burning::paint_colours(how, where == "first");
  std::cerr << "burning: split, alike, brief, callers, begin or epoll?\n";
  return 2;
}

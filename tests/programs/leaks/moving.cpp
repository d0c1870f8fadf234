/// Idle pools, the only pointers to which, but for those of their own tasks, never rest: several threads move them
/// through registers, stacks, the heap, thread-local variables, libc, the kernel and Asio. None is ever nowhere: what
/// is moved is in its new place before it leaves the old one.
///
///   PROGRAM       moves them until its input closes; then closes each pool by its pointer, wherever that came to
///   PROGRAM lost  moves them for a while, and forgets them before it is ready: now they leak
///
/// Prints `ways: N`, one idle task each, and `ready`; at the end `woken: N`, the idle tasks that have ended.

#include <signal.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <iostream>

#include "healthy.hpp"

namespace leaks {
namespace {

/// Where a pointer lies between two moves. A move takes it, and puts it back.
using home = std::atomic<pool*>;

std::atomic<bool> stopping{false};
constexpr int turns = 4;

[[gnu::noinline]] void spin() {
  for (int i = 0; i < 1000; ++i) asm volatile("" : : : "memory");
}

/// While a pointer is between two places the same thread moves others, within those moves yet others, …
[[gnu::noinline]] void meanwhile();

// By one thread; another one may do it the next time.

void by_register(home& at) {
  for (int i = 0; i < 50 * turns; ++i) {
    pool* const carried = at.exchange(nullptr);
    spin();
    at = carried;
  }
}

/// Whoever is called saves it.
void by_saved_register(home& at) {
  pool* const carried = at.exchange(nullptr);
  meanwhile();
  at = carried;
}

/// Not a loop: each has a frame, and the pointer in it.
[[gnu::noinline]] pool* descend(pool* carried, int depth) {
  if (depth == 0) {
    meanwhile();
    return carried;
  }
  pool* const same = descend(carried, depth - 1);
  asm volatile("" : : : "memory");
  return same;
}
void by_recursion(home& at) { at = descend(at.exchange(nullptr), 20); }

/// Passed in memory, and copied there by each.
struct parcel {
  std::array<char, 40> before{};
  pool* work = nullptr;
  std::array<char, 40> behind{};
};
[[gnu::noinline]] void deliver(parcel carried, home& at, int depth) {
  asm volatile("" : : "r"(&carried) : "memory");
  if (depth == 0) {
    meanwhile();
    at = carried.work;
  } else {
    deliver(carried, at, depth - 1);
  }
  asm volatile("" : : "r"(&carried) : "memory");
}
void by_value(home& at) { deliver({{}, at.exchange(nullptr), {}}, at, 10); }

void by_nodes(home& at) {
  struct node {
    std::array<char, 24> before{};
    pool* work = nullptr;
  };
  auto last = std::make_unique<node>();
  last->work = at.exchange(nullptr);
  for (int i = 0; i < turns; ++i) {
    auto next = std::make_unique<node>();
    next->work = last->work;
    last = std::move(next);
    meanwhile();
  }
  at = last->work;
}

/// Its blocks come and go.
void by_deque(home& at) {
  std::deque<pool*> queue{at.exchange(nullptr)};
  for (int i = 0; i < 50 * turns; ++i) {
    queue.push_back(queue.front());
    queue.pop_front();
    if (i % 50 == 0) meanwhile();
  }
  at = queue.front();
}

/// Within a buffer, up and down: while an overlapping one is moved a vector register alone has it, at an odd byte.
constexpr std::size_t buffer_size = 1024, unaligned = 3, moved_size = buffer_size - 16;
void by_overlapping_memmove(home& at) {
  const auto buffer = std::make_unique<std::array<pool*, buffer_size / sizeof(pool*)>>();
  auto* const bytes = reinterpret_cast<char*>(buffer->data()) + unaligned;
  for (const std::size_t size : {std::size_t{24}, std::size_t{48}, std::size_t{96}, std::size_t{200}, moved_size}) {
    buffer->at(1) = at.exchange(nullptr);
    const auto steps = size / sizeof(pool*) - 2;
    for (int again = 0; again < 10; ++again) {
      for (std::size_t i = 0; i < steps; ++i) std::memmove(bytes + sizeof(pool*), bytes, size);
      for (std::size_t i = 0; i < steps; ++i) std::memmove(bytes, bytes + sizeof(pool*), size);
    }
    at = std::exchange(buffer->at(1), nullptr);
  }
}

void by_memmove(home& at) {
  std::vector<pool*> from(300), to(300);
  from[200] = at.exchange(nullptr);
  for (int i = 0; i < turns; ++i) {
    std::memmove(to.data() + 8, from.data(), 292 * sizeof(pool*));
    std::memset(from.data(), 0, 300 * sizeof(pool*));
    std::memmove(from.data(), to.data() + 8, 292 * sizeof(pool*));
    std::memset(to.data(), 0, 300 * sizeof(pool*));
    meanwhile();
  }
  at = from[200];
}

void by_vectors(home& at) {
  std::vector<pool*> one(30), other(50);
  one[7] = at.exchange(nullptr);
  for (int i = 0; i < turns; ++i) {
    std::swap(one, other);
    std::swap(one[7], other[7]);
    one.resize(one.size() + 20);
    one.shrink_to_fit();
    meanwhile();
  }
  at = one[7] != nullptr ? one[7] : other[7];
}

/// The pages of a large block go elsewhere.
void by_realloc(home& at) {
  static auto* block = static_cast<pool**>(std::calloc(1, 256 * 1024));
  block[5000] = at.exchange(nullptr);
  for (const std::size_t kilobytes : {std::size_t{8192}, std::size_t{1024}, std::size_t{2048}, std::size_t{256}}) {
    block = static_cast<pool**>(std::realloc(block, kilobytes * 1024));
    if (block == nullptr) std::abort();
    meanwhile();
  }
  at = std::exchange(block[5000], nullptr);
}

[[gnu::noinline]] void throw_from(int depth, pool* carried) {
  if (depth == 0) throw carried;
  throw_from(depth - 1, carried);
  asm volatile("" : : : "memory");
}
void by_exception(home& at) {
  try {
    throw_from(5, at.exchange(nullptr));
  } catch (pool* const& carried) {
    meanwhile();
    at = carried;
  }
}

/// While the handler runs, what was in registers is on its stack.
void handle(int) {
#if defined(__x86_64__)
  asm volatile("xor %%ebx, %%ebx\n\txor %%r12d, %%r12d" : : : "rbx", "r12");
#elif defined(__aarch64__)
  asm volatile("mov x19, xzr\n\tmov x20, xzr" : : : "x19", "x20");
#endif
  spin();
}
void by_signal(home& at) {
  for (int i = 0; i < turns; ++i) {
    pool* const carried = at.exchange(nullptr);
    ::raise(SIGUSR1);
    at = carried;
  }
}
void handle_on(void* stack, std::size_t size) {
  stack_t its{};
  its.ss_sp = stack;
  its.ss_size = size;
  its.ss_flags = stack == nullptr ? SS_DISABLE : 0;
  if (::sigaltstack(&its, nullptr) != 0) std::abort();
}

ucontext_t of_thread_that_switches, of_fibre;
home* home_of_fibre = nullptr;
void hold_on_fibre() {
  for (int i = 0; i < turns; ++i) {
    pool* const carried = home_of_fibre->exchange(nullptr);
    swapcontext(&of_fibre, &of_thread_that_switches);
    *home_of_fibre = carried;
  }
}
/// While the thread is elsewhere, it lies on the fibre's stack or among its registers.
void by_fibre(home& at) {
  std::vector<char> stack(64 * 1024);
  home_of_fibre = &at;
  getcontext(&of_fibre);
  of_fibre.uc_stack.ss_sp = stack.data();
  of_fibre.uc_stack.ss_size = stack.size();
  of_fibre.uc_link = &of_thread_that_switches;
  makecontext(&of_fibre, hold_on_fibre, 0);
  for (int i = 0; i <= turns; ++i) {
    swapcontext(&of_thread_that_switches, &of_fibre);
    meanwhile();
  }
}

thread_local pool* of_thread = nullptr;
void by_thread_local(home& at) {
  for (int i = 0; i < turns; ++i) {
    of_thread = at.exchange(nullptr);
    meanwhile();
    at = of_thread;
    of_thread = nullptr;
  }
}

// By a thread that is begun for it.

void by_promise(home& at) {
  std::promise<pool*> given;
  std::thread other([&at, promised = given.get_future()]() mutable {
    pool* const carried = promised.get();
    spin();
    at = carried;
    clear_stack();
  });
  given.set_value(at.exchange(nullptr));
  other.join();
}

void by_new_thread(home& at) {
  std::thread([&at, carried = at.exchange(nullptr)]() mutable {
    of_thread = std::exchange(carried, nullptr);
    clear_stack();
    spin();
    at = std::exchange(of_thread, nullptr);
  }).join();
}

// By threads of its own.

std::vector<std::thread> threads;
template <class Work>
void begin_thread(Work work) {
  threads.emplace_back([work] {
    work();
    clear_stack();  // libc keeps it for the next thread
  });
}

void take_and_give(home& from, home& to) {
  while (!stopping) {
    if (pool* const carried = from.exchange(nullptr)) {
      spin();
      to = carried;
    } else {
      std::this_thread::yield();
    }
  }
}
void by_mailboxes(asio::io_context&, home& at, home& other) {
  begin_thread([&] { take_and_give(at, other); });
  begin_thread([&] { take_and_give(other, at); });
}

/// In a register of a thread that sleeps most of the time.
void by_sleeper(asio::io_context&, home& at, home&) {
  begin_thread([&at] {
    while (!stopping) {
      pool* const carried = at.exchange(nullptr);
      const timespec shortly{0, 100'000};
      ::nanosleep(&shortly, nullptr);
      at = carried;
    }
  });
}

// By Asio.

/// Ways whose pointer is not at home yet.
std::atomic<int> under_way{0};
pool* take(home& at) {
  ++under_way;
  return at.exchange(nullptr);
}
void bring_home(home& at, pool* carried) {
  at = carried;
  --under_way;
}

void post_on(asio::io_context& io, home& at, pool* carried) {
  asio::post(io, [&io, &at, carried] {
    if (stopping)
      bring_home(at, carried);
    else
      post_on(io, at, carried);
  });
}
void by_posted_handler(asio::io_context& io, home& at, home&) { post_on(io, at, take(at)); }

void wait_on(asio::steady_timer& timer, home& at, pool* carried) {
  timer.expires_after(std::chrono::microseconds(50));
  timer.async_wait([&timer, &at, carried](error_code) {
    if (stopping)
      bring_home(at, carried);
    else
      wait_on(timer, at, carried);
  });
}
void by_timer(asio::io_context& io, home& at, home&) {
  static asio::steady_timer timer(io);
  wait_on(timer, at, take(at));
}

awaitable<void> relay(home& at, pool* carried) {
  const auto executor = co_await this_coro::executor;
  co_await asio::post(executor, use_awaitable);
  if (stopping)
    bring_home(at, carried);
  else
    co_spawn(executor, relay(at, carried), detached);
}
void by_spawned_task(asio::io_context& io, home& at, home&) { co_spawn(io, relay(at, take(at)), detached); }

using courier = concurrent_channel<pool*>;
awaitable<void> pass_on(home& at, courier& in, courier& out) {
  for (;;) {
    pool* carried = co_await in.async_receive(use_awaitable);
    if (stopping) co_return bring_home(at, carried);
    co_await out.async_send(ok, std::exchange(carried, nullptr), use_awaitable);
  }
}
template <std::size_t Room>
void by_message(asio::io_context& io, home& at, home&) {
  static courier to(io, Room), fro(io, Room);
  to.async_send(ok, take(at), detached);
  co_spawn(io, pass_on(at, to, fro), detached);
  co_spawn(io, pass_on(at, fro, to), detached);
}

struct way {
  void (*move)(home& at) = nullptr;  ///< again and again; or
  void (*begin)(asio::io_context& io, home& at, home& other) = nullptr;
  home at{nullptr}, other{nullptr};
  std::atomic_flag taken{};
};

way ways[] = {
    {by_register},
    {by_saved_register},
    {by_recursion},
    {by_value},
    {by_nodes},
    {by_deque},
    {by_overlapping_memmove},
    {by_memmove},
    {by_vectors},
    {by_realloc},
    {by_exception},
    {by_signal},
    {by_fibre},
    {by_thread_local},
    {by_promise},
    {by_new_thread},
    {nullptr, by_mailboxes},
    {nullptr, by_sleeper},
    {nullptr, by_posted_handler},
    {nullptr, by_timer},
    {nullptr, by_spawned_task},
    {nullptr, by_message<0>},
    {nullptr, by_message<1>},
};
constexpr int count = std::size(ways);

std::atomic<unsigned> next{0};
std::atomic<int> moves{0};
void move_one() {
  way& each = ways[next++ % std::size(ways)];
  if (each.move == nullptr || each.taken.test_and_set()) return;
  each.move(each.at);
  each.taken.clear();
  ++moves;
}

constexpr int deepest = 6;
void meanwhile() {
  static thread_local int depth = 0;
  if (depth == deepest) return spin();
  ++depth;
  move_one();
  --depth;
}

void move_all() {
  std::vector<char> handlers(64 * 1024);
  handle_on(handlers.data(), handlers.size());
  while (!stopping) move_one();
  handle_on(nullptr, 0);
}

[[gnu::noinline]] void make_pools(asio::io_context& io) {
  for (way& each : ways) each.at = make_pool(io).get();
  while (io.poll() != 0) {
  }
}

void start(asio::io_context& io) {
  struct sigaction action {};
  action.sa_handler = handle;
  action.sa_flags = SA_ONSTACK;
  ::sigaction(SIGUSR1, &action, nullptr);
  for (way& each : ways)
    if (each.begin != nullptr) each.begin(io, each.at, each.other);
  for (int i = 0; i < 2; ++i) begin_thread(move_all);
}

/// Afterwards each is at one of its homes.
void stop() {
  stopping = true;
  for (auto& each : threads) each.join();
  threads.clear();
  while (under_way != 0) std::this_thread::yield();
}

pool* take_from_home(way& of) {
  pool* const first = of.at.exchange(nullptr);
  return first != nullptr ? first : of.other.exchange(nullptr);
}

/// How many idle tasks have ended.
int wake() {
  int found = 0;
  for (way& each : ways)
    if (pool* const work = take_from_home(each)) {
      work->jobs.close();
      ++found;
    }
  while (counted::live != count - found) std::this_thread::yield();
  return found;
}

void forget() {
  while (moves < 10 * count) std::this_thread::yield();
  stop();
  for (way& each : ways) take_from_home(each);
  clear_stack();
}

void say(std::string_view what, int number) { std::cout << what << ": " << number << std::endl; }

}  // namespace
}  // namespace leaks

int main(int argc, char** argv) {
  using namespace leaks;
  constexpr int less_important = 10;  // than who looks
  if (::nice(less_important) == -1) std::abort();
  asio::io_context io;
  const auto work = asio::make_work_guard(io);
  make_pools(io);
  clear_stack();
  std::thread serving[2];
  for (auto& each : serving) each = std::thread([&io] { io.run(); });
  start(io);
  if (argc == 2 && argv[1] == std::string_view("lost")) forget();
  say("ways", count);
  std::cout << "ready" << std::endl;
  while (a_line_comes()) {
  }
  if (!stopping) stop();
  say("woken", wake());
  io.stop();
  for (auto& each : serving) each.join();
  std::_Exit(0);
}

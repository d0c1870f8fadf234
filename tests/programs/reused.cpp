/// Senders whose receiver has gone, each alone with its channel, whose address is all over memory that somebody else
/// has now. Prints `ready` when all wait.
///
///   frames    of a frame that is over: Asio gives it again to one that wants less
///   waits     of a frame that is over, as small as that of an operation's wait
///   results   of the state of `a || b`, whose results have not come
///   handlers  of a handler that has run; the thread that ran it runs another one, which never returns
///   descriptors  of nothing that was as large as Asio's record of a descriptor, in whose padding an address of what
///   the
///             sender has is left, but for its low byte
///   threads   of the stack of a thread that has ended, and of another's, which has returned it and is not joined yet

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <asio.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#include <asio/experimental/channel.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace reused {

using channel = asio::experimental::channel<void(asio::error_code, int)>;

asio::awaitable<void> send(std::shared_ptr<channel> to) {
  co_await to->async_send(asio::error_code(), 1, asio::use_awaitable);
}

channel* start_sender(const asio::any_io_executor& executor) {
  auto answers = std::make_shared<channel>(executor, 0);
  auto* const its = answers.get();
  co_spawn(executor, send(std::move(answers)), asio::detached);
  return its;
}

asio::awaitable<void> remember() {
  const auto executor = co_await asio::this_coro::executor;
  // Nothing at its begin: parts of the next frame are not written, either.
  std::array<channel*, 80> all{};
  constexpr std::ptrdiff_t half = 40;
  std::fill(all.begin() + half, all.end(), start_sender(executor));
  co_await asio::post(executor, asio::use_awaitable);
  if (std::count(all.begin(), all.end(), all.back()) != half) std::abort();
}

/// Its frame is smaller than remember()'s.
asio::awaitable<void> rest(asio::steady_timer& timer) { co_await timer.async_wait(asio::use_awaitable); }

asio::awaitable<void> keep(asio::steady_timer& timer) {
  co_await remember();
  co_await rest(timer);
}

asio::awaitable<void> remember_few() {
  const auto executor = co_await asio::this_coro::executor;
  std::array<channel*, 12> all{};
  all.fill(start_sender(executor));
  if (all.front() != all.back()) std::abort();
}

/// Asio has a frame of its own for the wait.
asio::awaitable<void> keep_few(asio::steady_timer& timer) {
  co_await remember_few();
  co_await timer.async_wait(asio::use_awaitable);
}

/// Leaves memory behind that is as large as the state of a group of two, with the channel's address where the results
/// lie in it. Other parts of it are not written, either.
void remember_in_blocks(const asio::any_io_executor& executor) {
  constexpr std::size_t words = 22, blocks = 4, first_result = 17, second_result = 19;
  std::vector<channel*> block(words);
  block[first_result] = block[second_result] = start_sender(executor);
  const std::vector<std::vector<channel*>> all(blocks, block);
  if (all.back()[first_result] == nullptr) std::abort();
}

asio::awaitable<void> keep_both(asio::steady_timer& timer) {
  using namespace asio::experimental::awaitable_operators;
  const auto executor = co_await asio::this_coro::executor;
  remember_in_blocks(executor);
  co_await (rest(timer) || rest(timer));
}

struct remembering {
  std::array<channel*, 20> all;
  void operator()() const {
    if (all.front() == nullptr) std::abort();
  }
};

[[noreturn]] void spin() {
  std::cout << "ready" << std::endl;
  for (;;) asm volatile("" : : : "memory");
}

/// It ends when its input closes, as the others do.
[[noreturn]] void run_handlers() {
  asio::io_context context(1);
  remembering both{};
  std::fill(both.all.begin(), both.all.begin() + 10, start_sender(context.get_executor()));
  std::fill(both.all.begin() + 10, both.all.end(), start_sender(context.get_executor()));
  context.poll();
  asio::post(context, both);
  both.all.fill(nullptr);
  asio::post(context, spin);
  std::thread serving([&] { context.run(); });
  while (std::cin.get() != std::char_traits<char>::eof()) {
  }
  std::_Exit(0);
}

/// Has the address all over its stack.
channel* remember_on_stack(void* of) {
  auto& context = *static_cast<asio::io_context*>(of);
  std::array<channel* volatile, 40> all{};
  for (auto& each : all) each = all.front() == nullptr ? start_sender(context.get_executor()) : all.front();
  context.poll();
  return all.back();
}

std::atomic<pid_t> returning = 0;

/// libc keeps their stacks, for other threads.
[[noreturn]] void end_threads() {
  asio::io_context context(1);
  pthread_t thread{};
  const auto give_back = [](void* of) -> void* {
    returning = ::gettid();
    return remember_on_stack(of);
  };
  if (::pthread_create(&thread, nullptr, give_back, &context) != 0) std::abort();
  while (returning == 0 || ::tgkill(::getpid(), returning, 0) == 0) std::this_thread::yield();
  // On a stack of its own: the first one is not joined.
  const auto forget = [](void* of) { return static_cast<void*>(remember_on_stack(of) != nullptr ? of : nullptr); };
  if (::pthread_create(&thread, nullptr, forget, &context) != 0 || ::pthread_join(thread, nullptr) != 0) std::abort();
  std::cout << "ready" << std::endl;
  while (std::cin.get() != std::char_traits<char>::eof()) {
  }
  std::_Exit(0);
}

/// Wherever one of its addresses in the middle has another low byte, that is its own still.
asio::awaitable<void> send_from_room(std::shared_ptr<channel> to, char** middle) {
  std::array<char, 4096> room{};
  *middle = room.data() + room.size() / 2;
  co_await to->async_send(asio::error_code(), 1, asio::use_awaitable);
  if (room.back() != 0) std::abort();
}

/// Leaves blocks behind that are full of such an address.
[[gnu::noinline]] void remember_in_records(asio::io_context& context) {
  constexpr std::size_t words = 21;
  char* middle = nullptr;
  co_spawn(context, send_from_room(std::make_shared<channel>(context.get_executor(), 0), &middle), asio::detached);
  context.poll();
  const std::vector<std::vector<char*>> all(6, std::vector<char*>(words, middle));
  if (all.back().back() == nullptr) std::abort();
}

[[noreturn]] void watch_descriptors() {
  asio::io_context context(1);
  remember_in_records(context);
  std::array<int, 2> ends{};
  std::vector<asio::posix::stream_descriptor> all;
  for (int i = 0; i < 4; ++i) {
    if (::pipe(ends.data()) != 0) std::abort();
    for (const int end : ends) all.emplace_back(context, end);
  }
  std::cout << "ready" << std::endl;
  while (std::cin.get() != std::char_traits<char>::eof()) {
  }
  std::_Exit(0);
}

void run(std::string_view form) {
  if (form == "descriptors") watch_descriptors();
  if (form == "handlers") run_handlers();
  if (form == "threads") end_threads();
  asio::io_context context(1);
  asio::steady_timer never(context, std::chrono::hours(1));
  auto* const keeps = form == "results" ? keep_both : form == "waits" ? keep_few : keep;
  for (int i = 0; i < 2; ++i) co_spawn(context, keeps(never), asio::detached);
  asio::steady_timer settled(context, std::chrono::milliseconds(100));
  settled.async_wait([](const asio::error_code&) { std::cout << "ready" << std::endl; });
  asio::posix::stream_descriptor input(context, 0);
  std::array<char, 16> ignored{};
  input.async_read_some(asio::buffer(ignored), [&](const asio::error_code&, std::size_t) { context.stop(); });
  context.run();
}

}  // namespace reused

int main(int argc, char** argv) { reused::run(argc > 1 ? argv[1] : "frames"); }

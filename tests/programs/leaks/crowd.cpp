/// Four leaked tasks in a crowd, which a tool must tell apart while it moves:
///
///   PROGRAM busy    16 threads, on which pairs of tasks pass a ball to and fro
///   PROGRAM many    100,000 tasks that wait for what is held
///   PROGRAM churn   two threads, on which tasks begin and end as fast as they can
///
/// Prints `ready`; ends when its input closes.

#include <iostream>

#include "program.hpp"

namespace leaks {
namespace {

using ball = concurrent_channel<int>;

awaitable<void> left_behind(std::shared_ptr<ball> nobody) { co_await nobody->async_send(ok, 1, no_throw); }

awaitable<void> player(std::shared_ptr<ball> in, std::shared_ptr<ball> out, bool serves) {
  if (serves) co_await out->async_send(ok, 0, use_awaitable);
  for (;;) {
    const int times = co_await in->async_receive(use_awaitable);
    co_await out->async_send(ok, times + 1, use_awaitable);
  }
}
void start_pairs(asio::io_context& io) {
  for (int i = 0; i < 64; ++i) {
    const auto to = std::make_shared<ball>(io.get_executor(), 1), fro = std::make_shared<ball>(io.get_executor(), 1);
    co_spawn(io, player(to, fro, true), detached);
    co_spawn(io, player(fro, to, false), detached);
  }
}

/// Held by main.
struct audience {
  explicit audience(asio::io_context& io) : show(io.get_executor()) {}
  std::array<char, 100> name{};
  ball show;
};
awaitable<void> spectator(std::weak_ptr<audience> of) { co_await of.lock()->show.async_receive(no_throw); }

/// Three messages, one task each; each task ends before the next begins.
awaitable<void> errand(std::shared_ptr<ball> result) {
  co_await asio::post(co_await this_coro::executor, use_awaitable);
  co_await result->async_send(ok, 1, use_awaitable);
}
awaitable<void> errands() {
  const auto executor = co_await this_coro::executor;
  for (;;) {
    const auto result = std::make_shared<ball>(executor);
    for (int i = 0; i < 3; ++i) co_spawn(executor, errand(result), detached);
    for (int i = 0; i < 3; ++i) co_await result->async_receive(use_awaitable);
  }
}

/// Not inlined: what it leaves on the stack is below its caller.
[[gnu::noinline]] void leak(asio::io_context& io) {
  const auto nobody = std::make_shared<ball>(io.get_executor());
  for (int i = 0; i < 4; ++i) co_spawn(io, left_behind(nobody), detached);
}

}  // namespace
}  // namespace leaks

int main(int argc, char** argv) {
  using namespace leaks;
  const std::string_view how = argc == 2 ? argv[1] : "";
  asio::io_context io;
  leak(io);
  io.poll();  // they wait before anybody looks
  std::shared_ptr<audience> held;
  int threads = 2;
  if (how == "busy") {
    threads = 16;
    start_pairs(io);
  } else if (how == "many") {
    held = std::make_shared<audience>(io);
    for (int i = 0; i < 100'000; ++i) co_spawn(io, spectator(held), detached);
    io.poll();
  } else if (how == "churn") {
    for (int i = 0; i < 8; ++i) co_spawn(io, errands(), detached);
  } else {
    std::cout << "busy\nmany\nchurn\n";
    return 2;
  }
  clear_stack();
  const auto work = asio::make_work_guard(io);
  std::vector<std::thread> workers;
  for (int i = 0; i < threads; ++i) workers.emplace_back([&] { io.run(); });
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
  }
  std::_Exit(0);
}

/// Tasks that wait for timers which never expire: two whose timer nobody else knows, one whose timer is known to
/// main(), and one for an hour. Compiled with an Asio that is newer than the system's. Prints `ready` when all wait.

#include <array>
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <iostream>
#include <memory>
#include <utility>

namespace newer_timers {

using timer = asio::steady_timer;

asio::awaitable<void> wait_for_nobody(std::shared_ptr<timer> ready) { co_await ready->async_wait(asio::use_awaitable); }
asio::awaitable<void> wait_for_main(timer& ready) { co_await ready.async_wait(asio::use_awaitable); }
asio::awaitable<void> wait_an_hour() {
  timer hour(co_await asio::this_coro::executor, std::chrono::hours(1));
  co_await hour.async_wait(asio::use_awaitable);
}

void start(asio::io_context& io, timer& held) {
  for (int i = 0; i < 2; ++i)
    co_spawn(io, wait_for_nobody(std::make_shared<timer>(io, timer::time_point::max())), asio::detached);
  co_spawn(io, wait_for_main(held), asio::detached);
  co_spawn(io, wait_an_hour(), asio::detached);
}

void run() {
  asio::io_context io(1);
  timer held(io, timer::time_point::max());
  start(io, held);
  timer settled(io, std::chrono::milliseconds(100));
  settled.async_wait([](const asio::error_code&) { std::cout << "ready" << std::endl; });
  asio::posix::stream_descriptor input(io, 0);
  std::array<char, 16> ignored{};
  input.async_read_some(asio::buffer(ignored), [&](const asio::error_code&, std::size_t) { io.stop(); });
  io.run();
}

}  // namespace newer_timers

int main() { newer_timers::run(); }

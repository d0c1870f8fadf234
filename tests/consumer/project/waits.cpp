#include "waits.hpp"

#include <asio.hpp>

static asio::awaitable<void> wait_for_ever() {
  asio::steady_timer timer(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
  co_await timer.async_wait(asio::use_awaitable);
}

PUBLIC void JOIN(PREFIX, wait_on_asio)() {
  static asio::io_context io;
  asio::co_spawn(io, wait_for_ever(), asio::detached);
  io.poll();
}

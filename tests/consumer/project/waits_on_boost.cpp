#include "waits.hpp"

#include <boost/asio.hpp>

static boost::asio::awaitable<void> wait_for_ever() {
  boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor,
                                  boost::asio::steady_timer::time_point::max());
  co_await timer.async_wait(boost::asio::use_awaitable);
}

PUBLIC void JOIN(PREFIX, wait_on_boost)() {
  static boost::asio::io_context io;
  boost::asio::co_spawn(io, wait_for_ever(), boost::asio::detached);
  io.poll();
}

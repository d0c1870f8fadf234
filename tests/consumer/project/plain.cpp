// One task that waits for ever. Only main() knows of tasks: it has to see that the task is seen.
#if defined(USE_BOOST)
#  include <boost/asio.hpp>
namespace asio = boost::asio;
#else
#  include <asio.hpp>
#endif
#include <tasks/agent.hpp>

#if defined(FORCED_INCLUDE) && !defined(FORCED_INCLUDE_WAS_SEEN)
#  error "the user's own -include was lost"
#endif

asio::awaitable<void> wait_for_ever() {
  asio::steady_timer timer(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
  co_await timer.async_wait(asio::use_awaitable);
}

int main() {
  asio::io_context io;
  asio::co_spawn(io, wait_for_ever(), asio::detached);
  io.poll();
  return tasks::count() == 1 ? 0 : 1;
}

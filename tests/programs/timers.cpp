/// Tasks that wait for timers, each in a function of its own: of the kernel's clocks, of clocks that the program makes,
/// and with Boost of its calendar; for an hour, or for ever. Prints `ready` once all wait, and ends when its standard
/// input closes.

#if defined(TIMERS_USE_BOOST)
#  include <boost/asio.hpp>
namespace asio = boost::asio;
#else
#  include <asio.hpp>
#endif

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>

namespace shore {

using asio::awaitable;
using asio::use_awaitable;
using namespace std::chrono_literals;

/// A clock that no reader knows.
struct tide {
  using duration = std::chrono::milliseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<tide>;
  static constexpr bool is_steady = true;
  static time_point now() noexcept { return time_point(5s); }
};

/// One that stands still, and whose times have the type of another's.
struct replay {
  using duration = std::chrono::steady_clock::duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::steady_clock::time_point;
  static constexpr bool is_steady = true;
  static time_point now() noexcept { return time_point(5s); }
};

template <class Clock>
using timer_of = asio::basic_waitable_timer<Clock>;

awaitable<void> steady_hour() {
  asio::steady_timer timer(co_await asio::this_coro::executor, 1h);
  co_await timer.async_wait(use_awaitable);
}
awaitable<void> steady_for_ever() {
  asio::steady_timer timer(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
  co_await timer.async_wait(use_awaitable);
}
awaitable<void> system_hour() {
  asio::system_timer timer(co_await asio::this_coro::executor, 1h);
  co_await timer.async_wait(use_awaitable);
}
awaitable<void> system_for_ever() {
  asio::system_timer timer(co_await asio::this_coro::executor, asio::system_timer::time_point::max());
  co_await timer.async_wait(use_awaitable);
}
awaitable<void> fine_hour() {
  asio::high_resolution_timer timer(co_await asio::this_coro::executor, 1h);
  co_await timer.async_wait(use_awaitable);
}
awaitable<void> tide_hour() {
  timer_of<tide> timer(co_await asio::this_coro::executor, 1h);
  co_await timer.async_wait(use_awaitable);
}
awaitable<void> tide_for_ever() {
  timer_of<tide> timer(co_await asio::this_coro::executor, tide::time_point::max());
  co_await timer.async_wait(use_awaitable);
}
awaitable<void> replay_hour() {
  timer_of<replay> timer(co_await asio::this_coro::executor, 1h);
  co_await timer.async_wait(use_awaitable);
}
#if defined(TIMERS_USE_BOOST)
awaitable<void> calendar_hour() {
  asio::deadline_timer timer(co_await asio::this_coro::executor, boost::posix_time::hours(1));
  co_await timer.async_wait(use_awaitable);
}
awaitable<void> calendar_for_ever() {
  asio::deadline_timer timer(co_await asio::this_coro::executor,
                             boost::posix_time::ptime(boost::posix_time::pos_infin));
  co_await timer.async_wait(use_awaitable);
}
#endif

}  // namespace shore

int main() {
  asio::io_context context;
  for (const auto wait : {shore::steady_hour, shore::steady_for_ever, shore::system_hour, shore::system_for_ever,
                          shore::fine_hour, shore::tide_hour, shore::tide_for_ever, shore::replay_hour})
    co_spawn(context, wait(), asio::detached);
#if defined(TIMERS_USE_BOOST)
  for (const auto wait : {shore::calendar_hour, shore::calendar_for_ever}) co_spawn(context, wait(), asio::detached);
#endif
  asio::post(context, [] { std::cout << "ready" << std::endl; });
  std::thread worker([&] { context.run(); });
  std::string line;
  while (std::getline(std::cin, line)) {
  }
  std::_Exit(0);
}

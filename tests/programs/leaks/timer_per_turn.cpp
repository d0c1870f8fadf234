// verdict: growing
/// Every turn of a loop makes a timer against its taking too long, and leaves it behind. Fixed: it is cancelled.

#include "program.hpp"

namespace leaks::timer_per_turn {
namespace {

awaitable<void> give_up_later(std::shared_ptr<asio::steady_timer> limit) { co_await limit->async_wait(no_throw); }

awaitable<void> take_turns(form chosen) {
  const auto executor = co_await this_coro::executor;
  for (int turn = 0; turn < 3; ++turn) {
    const auto limit = std::make_shared<asio::steady_timer>(executor, 24h);
    co_spawn(executor, give_up_later(limit), detached);
    co_await asio::post(executor, use_awaitable);
    if (chosen == form::fixed) limit->cancel();
  }
}

const program self{"leak_timer_per_turn", take_turns, {"timer", "growing", {{3, "give_up_later"}}}};

}  // namespace
}  // namespace leaks::timer_per_turn

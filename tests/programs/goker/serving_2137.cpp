// verdict: proven
/// Of two requests one may be active; it is the second, which stays until it is unlocked. They are unlocked in
/// order, each awaited before the next. Fixed: all are unlocked first.

#include "go.hpp"

namespace goker::serving_2137 {
namespace {

struct breaker {
  explicit breaker(const any_io_executor& executor)
      : active(executor, 1), locks{mutex(executor), mutex(executor)}, accepted{event(executor), event(executor)} {}
  channel<nothing> active;
  std::array<mutex, 2> locks;
  std::array<event, 2> accepted;
};

awaitable<void> request(std::shared_ptr<breaker> by, std::size_t number) {
  co_await by->active.async_send(ok, nothing{}, use_awaitable);
  co_await by->locks[number].lock();
  by->active.try_receive([](error_code, nothing) {});
  by->accepted[number].close();
}

awaitable<void> unlock_all(std::shared_ptr<breaker> by, form chosen) {
  for (std::size_t i = 0; i < 2; ++i) {
    by->locks[i].unlock();
    if (chosen == form::leaking) co_await by->accepted[i].async_receive(no_throw);
  }
  for (event& each : by->accepted) co_await each.async_receive(no_throw);
}

awaitable<void> two_requests(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto by = std::make_shared<breaker>(executor);
  for (mutex& each : by->locks) co_await each.lock();
  co_spawn(executor, request(by, 1), detached);
  co_spawn(executor, request(by, 0), detached);
  co_spawn(executor, unlock_all(by, chosen), detached);
}

const program self{
    "goker_serving_2137", two_requests, {"channel and lock", "proven", {{2, "request"}, {1, "unlock_all"}}}};

}  // namespace
}  // namespace goker::serving_2137

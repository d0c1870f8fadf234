// verdict: proven
/// A timer that never expires serves as a condition variable, and nobody cancels it. Fixed: it is cancelled.

#include "program.hpp"

namespace leaks::condition_timer {
namespace {

struct resource {
  explicit resource(const any_io_executor& executor) : ready(executor, asio::steady_timer::time_point::max()) {}
  asio::steady_timer ready;
  bool prepared = false;
};

awaitable<void> use_when_ready(std::shared_ptr<resource> wanted) {
  while (!wanted->prepared) co_await wanted->ready.async_wait(no_throw);
}

awaitable<void> prepare(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto shared = std::make_shared<resource>(executor);
  for (int i = 0; i < 2; ++i) co_spawn(executor, use_when_ready(shared), detached);
  co_await asio::post(executor, use_awaitable);
  shared->prepared = true;
  if (chosen == form::fixed) shared->ready.cancel();
}

const program self{"leak_condition_timer", prepare, {"timer", "proven", {{2, "use_when_ready"}}}};

}  // namespace
}  // namespace leaks::condition_timer

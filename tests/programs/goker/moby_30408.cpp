// verdict: proven
/// Tasks wait on a condition until a plugin is active; its activation fails, and they are not told. Fixed: they are
/// told of a failure, too.

#include "go.hpp"

namespace goker::moby_30408 {
namespace {

struct plugin {
  explicit plugin(const any_io_executor& executor) : condition(executor, asio::steady_timer::time_point::max()) {}
  asio::steady_timer condition;
  bool active = false;
  bool failed = false;
};

awaitable<void> wait_active(std::shared_ptr<plugin> on) {
  while (!on->active && !on->failed) co_await on->condition.async_wait(no_throw);
}

awaitable<void> activate(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto made = std::make_shared<plugin>(executor);
  for (int i = 0; i < 2; ++i) co_spawn(executor, wait_active(made), detached);
  co_await yield(executor);
  made->failed = true;
  if (chosen == form::fixed) made->condition.cancel();
}

const program self{"goker_moby_30408", activate, {"condition", "proven", {{2, "wait_active"}}}};

}  // namespace
}  // namespace goker::moby_30408

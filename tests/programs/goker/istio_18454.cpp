// verdict: proven
/// A timer that is reset after it has fired is drained of a tick that was taken already; changes then fill the
/// channel of resets. Fixed: it is drained of a tick if there is one.

#include "go.hpp"

namespace goker::istio_18454 {
namespace {

struct strategy {
  explicit strategy(const any_io_executor& executor) : ticks(executor, 1), resets(executor, 1) {}
  channel<nothing> ticks;
  channel<nothing> resets;
};

awaitable<void> run_timer(std::shared_ptr<strategy> of, int resets, form chosen) {
  co_await of->ticks.async_receive(use_awaitable);
  for (int i = 0; i < resets; ++i) {
    co_await of->resets.async_receive(use_awaitable);
    if (chosen == form::fixed) {
      of->ticks.try_receive([](error_code, nothing) {});
    } else {
      co_await of->ticks.async_receive(use_awaitable);
    }
  }
}

awaitable<void> on_change(std::shared_ptr<strategy> of, int changes) {
  for (int i = 0; i < changes; ++i) co_await of->resets.async_send(ok, nothing{}, use_awaitable);
}

awaitable<void> change_often(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto of = std::make_shared<strategy>(executor);
  of->ticks.try_send(ok, nothing{});
  co_spawn(executor, run_timer(of, 8, chosen), detached);
  co_spawn(executor, on_change(of, 8), detached);
}

const program self{
    "goker_istio_18454", change_often, {"channel and context", "proven", {{1, "run_timer"}, {1, "on_change"}}}};

}  // namespace
}  // namespace goker::istio_18454

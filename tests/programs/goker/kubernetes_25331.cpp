// verdict: proven
/// A watch meets an error and sends it as its result, but who watched has stopped, which cancels its context.
/// Fixed: it looks at the context while it sends.

#include "go.hpp"

namespace goker::kubernetes_25331 {
namespace {

struct watch {
  explicit watch(const any_io_executor& executor) : errors(executor), results(executor), context(executor) {}
  concurrent_channel<int> errors;
  concurrent_channel<int> results;
  event context;
};

awaitable<void> run_watch(std::shared_ptr<watch> self, form chosen) {
  const int error = co_await self->errors.async_receive(use_awaitable);
  if (chosen == form::fixed) {
    co_await (self->results.async_send(ok, error, use_awaitable) || self->context.async_receive(no_throw));
  } else {
    co_await self->results.async_send(ok, error, use_awaitable);
  }
}

awaitable<void> stop_watch(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto stopped = std::make_shared<watch>(executor);
  co_spawn(executor, run_watch(stopped, chosen), detached);
  co_await stopped->errors.async_send(ok, 1, use_awaitable);
  stopped->context.close();
}

const program self{"goker_kubernetes_25331", stop_watch, {"channel and context", "proven", {{1, "run_watch"}}}};

}  // namespace
}  // namespace goker::kubernetes_25331

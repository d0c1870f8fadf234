// verdict: proven
/// A listener has a notification to pass on and waits, with its lock held, until it is stopped; it is stopped after
/// the next one was added, which takes the lock. Fixed: it waits without.

#include "go.hpp"

namespace goker::kubernetes_26980 {
namespace {

struct listener {
  explicit listener(const any_io_executor& executor) : lock(executor), stopped(executor) {}
  mutex lock;
  event stopped;
  int pending = 1;
};

awaitable<void> pop(std::shared_ptr<listener> from, form chosen) {
  co_await from->lock.lock();
  --from->pending;
  if (chosen == form::fixed) from->lock.unlock();
  co_await from->stopped.async_receive(no_throw);
  if (chosen == form::leaking) from->lock.unlock();
}

awaitable<void> add(std::shared_ptr<listener> to) {
  co_await to->lock.lock();
  ++to->pending;
  to->lock.unlock();
  to->stopped.close();
}

awaitable<void> start_listener(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto made = std::make_shared<listener>(executor);
  co_spawn(executor, pop(made, chosen), detached);
  co_spawn(executor, add(made), detached);
}

const program self{"goker_kubernetes_26980", start_listener, {"channel and lock", "proven", {{1, "pop"}, {1, "add"}}}};

}  // namespace
}  // namespace goker::kubernetes_26980

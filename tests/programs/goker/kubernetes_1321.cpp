// verdict: proven
/// An event is sent to a watcher with a lock held; the watcher stops and needs the lock to say so. Fixed: it says
/// so without.

#include "go.hpp"

namespace goker::kubernetes_1321 {
namespace {

struct watcher {
  explicit watcher(const any_io_executor& executor) : lock(executor), events(executor), stopped(executor) {}
  mutex lock;
  concurrent_channel<int> events;
  event stopped;
};

awaitable<void> distribute(std::shared_ptr<watcher> to) {
  co_await to->lock.lock();
  co_await to->events.async_send(ok, 1, use_awaitable);
  to->lock.unlock();
}

awaitable<void> distribute_unless_stopped(std::shared_ptr<watcher> to) {
  co_await to->lock.lock();
  co_await (to->events.async_send(ok, 1, use_awaitable) || to->stopped.async_receive(no_throw));
  to->lock.unlock();
}

awaitable<void> stop_watching(std::shared_ptr<watcher> self, form chosen) {
  if (chosen == form::fixed) self->stopped.close();
  co_await self->lock.lock();
  self->events.close();
  self->lock.unlock();
}

awaitable<void> watch_and_stop(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto made = std::make_shared<watcher>(executor);
  co_spawn(executor, chosen == form::fixed ? distribute_unless_stopped(made) : distribute(made), detached);
  co_await yield(executor);
  co_spawn(executor, stop_watching(made, chosen), detached);
}

const program self{
    "goker_kubernetes_1321", watch_and_stop, {"channel and lock", "proven", {{1, "distribute"}, {1, "stop_watching"}}}};

}  // namespace
}  // namespace goker::kubernetes_1321

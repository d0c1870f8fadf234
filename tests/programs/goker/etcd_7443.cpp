// verdict: proven
/// The task that takes notices tears a connection down, which sends a notice to itself, with the balancer's lock
/// held; closing the balancer needs that lock. Fixed: a buffer.

#include "go.hpp"

namespace goker::etcd_7443 {
namespace {

struct balancer {
  balancer(const any_io_executor& executor, std::size_t buffer) : lock(executor), notices(executor, buffer) {}
  mutex lock;
  concurrent_channel<bool> notices;
};

awaitable<void> watch(std::shared_ptr<balancer> of) {
  for (bool down = false; !down;) {
    down = co_await of->notices.async_receive(use_awaitable);
    if (down) break;
    co_await of->lock.lock();
    co_await of->notices.async_send(ok, true, use_awaitable);
    of->lock.unlock();
  }
}

awaitable<void> close_balancer(std::shared_ptr<balancer> of) {
  co_await of->lock.lock();
  of->lock.unlock();
}

awaitable<void> start_balancer(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto of = std::make_shared<balancer>(executor, chosen == form::fixed ? 1 : 0);
  co_spawn(executor, watch(of), detached);
  co_await of->notices.async_send(ok, false, use_awaitable);
  co_await yield(executor);
  co_await yield(executor);
  co_spawn(executor, close_balancer(of), detached);
}

const program self{
    "goker_etcd_7443", start_balancer, {"channel and lock", "proven", {{1, "watch"}, {1, "close_balancer"}}}};

}  // namespace
}  // namespace goker::etcd_7443

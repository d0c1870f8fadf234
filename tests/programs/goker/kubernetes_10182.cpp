// verdict: proven
/// A status is sent with a lock held; whoever takes it needs the lock before it takes the next. Fixed: the lock is
/// given back before it is sent.

#include "go.hpp"

namespace goker::kubernetes_10182 {
namespace {

struct manager {
  explicit manager(const any_io_executor& executor) : lock(executor), statuses(executor) {}
  mutex lock;
  concurrent_channel<int> statuses;
};

awaitable<void> sync_batch(std::shared_ptr<manager> of) {
  for (int i = 0; i < 2; ++i) {
    co_await of->statuses.async_receive(use_awaitable);
    co_await of->lock.lock();
    of->lock.unlock();
  }
}

awaitable<void> set_status(std::shared_ptr<manager> of, form chosen) {
  co_await of->lock.lock();
  if (chosen == form::fixed) of->lock.unlock();
  co_await of->statuses.async_send(ok, 1, use_awaitable);
  if (chosen == form::leaking) of->lock.unlock();
}

awaitable<void> start_manager(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto of = std::make_shared<manager>(executor);
  for (int i = 0; i < 2; ++i) co_spawn(executor, set_status(of, chosen), detached);
  co_spawn(executor, sync_batch(of), detached);
}

const program self{
    "goker_kubernetes_10182", start_manager, {"channel and lock", "proven", {{1, "sync_batch"}, {1, "set_status"}}}};

}  // namespace
}  // namespace goker::kubernetes_10182

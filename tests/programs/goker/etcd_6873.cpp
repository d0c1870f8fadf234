// verdict: proven
/// Whoever stops the broadcasts holds the lock while it waits for their loop, which needs the lock for its last
/// update. Fixed: the lock is given back before.

#include "go.hpp"

namespace goker::etcd_6873 {
namespace {

struct broadcasts {
  explicit broadcasts(const any_io_executor& executor) : lock(executor), updates(executor, 1), done(executor) {}
  mutex lock;
  channel<int> updates;
  event done;
};

awaitable<void> coalesce(std::shared_ptr<broadcasts> of) {
  for (;;) {
    const auto [closed, update] = co_await of->updates.async_receive(no_throw);
    if (closed) break;
    co_await of->lock.lock();
    of->lock.unlock();
  }
  of->done.close();
}

awaitable<void> stop(std::shared_ptr<broadcasts> of, form chosen) {
  co_await of->lock.lock();
  of->updates.close();
  if (chosen == form::fixed) of->lock.unlock();
  co_await of->done.async_receive(no_throw);
  if (chosen == form::leaking) of->lock.unlock();
}

awaitable<void> stop_broadcasts(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto of = std::make_shared<broadcasts>(executor);
  of->updates.try_send(ok, 1);
  co_spawn(executor, coalesce(of), detached);
  co_spawn(executor, stop(of, chosen), detached);
}

const program self{"goker_etcd_6873", stop_broadcasts, {"channel and lock", "proven", {{1, "coalesce"}, {1, "stop"}}}};

}  // namespace
}  // namespace goker::etcd_6873

// verdict: proven
/// A container's health monitor is stopped by a message, sent with the container's lock held; the monitor first
/// needs the lock for its last probe. Fixed: it is stopped by an event.

#include "go.hpp"

namespace goker::moby_28462 {
namespace {

struct container {
  explicit container(const any_io_executor& executor) : lock(executor), stop(executor), stopped(executor) {}
  mutex lock;
  concurrent_channel<nothing> stop;
  event stopped;
};

awaitable<void> monitor(std::shared_ptr<container> of) {
  co_await of->lock.lock();
  of->lock.unlock();
  if (!of->stopped.is_open()) co_return;
  co_await of->stop.async_receive(no_throw);
}

awaitable<void> change_state(std::shared_ptr<container> of, form chosen) {
  co_await of->lock.lock();
  if (chosen == form::fixed) {
    of->stopped.close();
  } else {
    co_await of->stop.async_send(ok, nothing{}, use_awaitable);
  }
  of->lock.unlock();
}

awaitable<void> start_container(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto made = std::make_shared<container>(executor);
  co_spawn(executor, change_state(made, chosen), detached);
  co_spawn(executor, monitor(made), detached);
}

const program self{
    "goker_moby_28462", start_container, {"channel and lock", "proven", {{1, "monitor"}, {1, "change_state"}}}};

}  // namespace
}  // namespace goker::moby_28462

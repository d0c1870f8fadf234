// verdict: proven
/// An event's handler reports with a lock held, and whoever waits for the report takes that lock first. Fixed:
/// reports are buffered.

#include "go.hpp"

namespace goker::istio_16224 {
namespace {

struct controller {
  controller(const any_io_executor& executor, std::size_t buffer)
      : lock(executor), events(executor), reports(executor, buffer) {}
  mutex lock;
  concurrent_channel<int> events;
  concurrent_channel<int> reports;
};

awaitable<void> run_monitor(std::shared_ptr<controller> of) {
  const int event = co_await of->events.async_receive(use_awaitable);
  co_await of->lock.lock();
  co_await of->reports.async_send(ok, event, use_awaitable);
  of->lock.unlock();
}

awaitable<void> create(std::shared_ptr<controller> of) {
  co_await of->events.async_send(ok, 1, use_awaitable);
  co_await yield(co_await this_coro::executor);
  co_await of->lock.lock();
  of->lock.unlock();
  co_await of->reports.async_receive(use_awaitable);
}

awaitable<void> start_controller(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto of = std::make_shared<controller>(executor, chosen == form::fixed ? 1 : 0);
  co_spawn(executor, run_monitor(of), detached);
  co_spawn(executor, create(of), detached);
}

const program self{
    "goker_istio_16224", start_controller, {"channel and lock", "proven", {{1, "run_monitor"}, {1, "create"}}}};

}  // namespace
}  // namespace goker::istio_16224

// verdict: proven
/// Stopping waits until every worker has ended its task, and a worker ends its task when it is stopped. Fixed: it
/// ends its task, then waits to be stopped.

#include "go.hpp"

namespace goker::cockroach_1055 {
namespace {

struct stopper {
  explicit stopper(const any_io_executor& executor) : tasks(executor, 3), stopped(executor) {}
  wait_group tasks;
  event stopped;
};

awaitable<void> worker(std::shared_ptr<stopper> by, form chosen) {
  if (chosen == form::fixed) by->tasks.done();
  co_await by->stopped.async_receive(no_throw);
  if (chosen == form::leaking) by->tasks.done();
}

awaitable<void> stop_all(std::shared_ptr<stopper> by) {
  co_await by->tasks.wait();
  by->stopped.close();
}

awaitable<void> start_stopper(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto by = std::make_shared<stopper>(executor);
  for (int i = 0; i < 3; ++i) co_spawn(executor, worker(by, chosen), detached);
  co_spawn(executor, stop_all(by), detached);
}

const program self{"goker_cockroach_1055", start_stopper, {"wait group", "proven", {{3, "worker"}, {1, "stop_all"}}}};

}  // namespace
}  // namespace goker::cockroach_1055

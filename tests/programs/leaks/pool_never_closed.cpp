// verdict: proven
/// Workers take jobs from a channel that nobody closes when the last job is done. Fixed: it is closed.

#include "program.hpp"

namespace leaks::pool_never_closed {
namespace {

struct pool {
  explicit pool(const any_io_executor& executor) : jobs(executor), results(executor, 8) {}
  std::string name = "a pool";
  concurrent_channel<int> jobs;
  concurrent_channel<int> results;
};

awaitable<void> worker(std::shared_ptr<pool> work) {
  for (;;) {
    const auto [closed, job] = co_await work->jobs.async_receive(no_throw);
    if (closed) co_return;
    co_await work->results.async_send(ok, job * job, use_awaitable);
  }
}

awaitable<void> do_jobs(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto work = std::make_shared<pool>(executor);
  for (int i = 0; i < 4; ++i) co_spawn(executor, worker(work), detached);
  for (int i = 0; i < 8; ++i) co_await work->jobs.async_send(ok, i, use_awaitable);
  for (int i = 0; i < 8; ++i) co_await work->results.async_receive(use_awaitable);
  if (chosen == form::fixed) work->jobs.close();
}

const program self{"leak_pool_never_closed", do_jobs, {"channel", "proven", {{4, "worker"}}}};

}  // namespace
}  // namespace leaks::pool_never_closed

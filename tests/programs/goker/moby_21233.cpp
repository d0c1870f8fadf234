// verdict: proven
/// The reader of a progress channel gives up after the first report; two transfers wait to report theirs, and
/// whoever releases them waits for both. Fixed: it reads on to the end.

#include "go.hpp"

namespace goker::moby_21233 {
namespace {

struct transfers {
  explicit transfers(const any_io_executor& executor) : progress(executor), running(executor, 3) {}
  concurrent_channel<int> progress;
  wait_group running;
};

awaitable<void> report_progress(std::shared_ptr<transfers> of, int id) {
  co_await of->progress.async_send(ok, id, use_awaitable);
  of->running.done();
}

awaitable<void> release_all(std::shared_ptr<transfers> of) {
  co_await of->running.wait();
  of->progress.close();
}

awaitable<void> transfer(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto of = std::make_shared<transfers>(executor);
  for (int id = 0; id < 3; ++id) co_spawn(executor, report_progress(of, id), detached);
  co_spawn(executor, release_all(of), detached);
  for (;;) {
    const auto [closed, id] = co_await of->progress.async_receive(no_throw);
    if (closed || chosen == form::leaking) break;
  }
}

const program self{"goker_moby_21233", transfer, {"channel", "proven", {{2, "report_progress"}, {1, "release_all"}}}};

}  // namespace
}  // namespace goker::moby_21233

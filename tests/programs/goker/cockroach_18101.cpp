// verdict: proven
/// A cancelled restore stops taking what another task still sends; that fills the buffer and waits. Fixed: the
/// sender looks at the context, too.

#include "go.hpp"

namespace goker::cockroach_18101 {
namespace {

struct import {
  explicit import(const any_io_executor& executor) : ready(executor, 6), cancelled(executor) {}
  concurrent_channel<int> ready;
  event cancelled;
};

awaitable<void> split_and_scatter(std::shared_ptr<import> to) {
  for (int span = 0; span < 9; ++span) co_await to->ready.async_send(ok, span, use_awaitable);
}

awaitable<void> split_until_cancelled(std::shared_ptr<import> to) {
  for (int span = 0; span < 9; ++span) {
    co_await (to->ready.async_send(ok, span, use_awaitable) || to->cancelled.async_receive(no_throw));
  }
}

awaitable<void> restore(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto from = std::make_shared<import>(executor);
  co_spawn(executor, chosen == form::fixed ? split_until_cancelled(from) : split_and_scatter(from), detached);
  co_await from->ready.async_receive(use_awaitable);
  from->cancelled.close();
}

const program self{"goker_cockroach_18101", restore, {"channel and context", "proven", {{1, "split_and_scatter"}}}};

}  // namespace
}  // namespace goker::cockroach_18101

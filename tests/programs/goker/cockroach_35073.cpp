// verdict: proven
/// An outbox fails at its start and leaves its channel of sixteen rows full and open: who pushes more waits. Fixed:
/// it cancels and closes it.

#include "go.hpp"

namespace goker::cockroach_35073 {
namespace {

using rows = concurrent_channel<int>;

awaitable<void> push(std::shared_ptr<rows> to, int row) { co_await to->async_send(ok, row, no_throw); }

awaitable<void> run_outbox(std::shared_ptr<rows> from, form chosen) {
  // It cannot connect.
  if (chosen == form::fixed) {
    from->cancel();
    from->close();
  }
  co_return;
}

awaitable<void> push_rows(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto outbox = std::make_shared<rows>(executor, 16);
  for (int row = 0; row < 17; ++row) co_spawn(executor, push(outbox, row), detached);
  co_spawn(executor, run_outbox(outbox, chosen), detached);
  co_await yield(executor);
  co_spawn(executor, push(outbox, 17), detached);
}

const program self{"goker_cockroach_35073", push_rows, {"channel", "proven", {{2, "push"}}}};

}  // namespace
}  // namespace goker::cockroach_35073

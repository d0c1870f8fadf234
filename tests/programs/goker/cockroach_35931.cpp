// verdict: proven
/// Cancelling tells both inputs of a join one after the other; the first is full, and the second is the one that is
/// read. Fixed: a full input is passed over.

#include "go.hpp"

namespace goker::cockroach_35931 {
namespace {

struct join {
  explicit join(const any_io_executor& executor) : left(executor, 1), right(executor, 1) {}
  channel<int> left;
  channel<int> right;
};

awaitable<void> read_right(std::shared_ptr<join> of) { co_await of->right.async_receive(use_awaitable); }

awaitable<void> cancel_flow(std::shared_ptr<join> of) {
  co_await of->left.async_send(ok, -1, use_awaitable);
  co_await of->right.async_send(ok, -1, use_awaitable);
}

awaitable<void> join_inputs(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto of = std::make_shared<join>(executor);
  of->left.try_send(ok, 1);
  co_spawn(executor, read_right(of), detached);
  if (chosen == form::fixed) {
    of->left.try_send(ok, -1);
    of->right.try_send(ok, -1);
  } else {
    co_spawn(executor, cancel_flow(of), detached);
  }
}

const program self{
    "goker_cockroach_35931", join_inputs, {"channel", "proven", {{1, "cancel_flow"}, {1, "read_right"}}}};

}  // namespace
}  // namespace goker::cockroach_35931

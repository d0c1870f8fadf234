// verdict: proven
/// Dialling waits for the balancer's watcher, which ends without a word when the balancer has no more addresses.
/// Fixed: it says that it is done.

#include "go.hpp"

namespace goker::grpc_1424 {
namespace {

using addresses = concurrent_channel<std::string>;

awaitable<void> watch(std::shared_ptr<addresses> of, std::shared_ptr<event> done, form chosen) {
  for (;;) {
    const auto [closed, address] = co_await of->async_receive(no_throw);
    if (closed) break;
  }
  if (chosen == form::fixed) done->close();
}

awaitable<void> dial(std::shared_ptr<addresses> of, form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto done = std::make_shared<event>(executor);
  co_spawn(executor, watch(of, done, chosen), detached);
  co_await done->async_receive(no_throw);
}

awaitable<void> dial_and_close(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto of = std::make_shared<addresses>(executor);
  co_spawn(executor, dial(of, chosen), detached);
  co_await yield(executor);
  of->close();
}

const program self{"goker_grpc_1424", dial_and_close, {"channel", "proven", {{1, "dial"}}}};

}  // namespace
}  // namespace goker::grpc_1424

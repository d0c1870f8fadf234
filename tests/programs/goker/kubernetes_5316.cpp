// verdict: proven
/// A request is finished when its time is up; its handler then has nobody to tell how it went. Fixed: a buffer of
/// one.

#include "go.hpp"

namespace goker::kubernetes_5316 {
namespace {

using outcomes = concurrent_channel<std::string>;

awaitable<void> handle(std::shared_ptr<outcomes> to, std::shared_ptr<event> late) {
  co_await late->async_receive(no_throw);
  co_await to->async_send(ok, "done", use_awaitable);
}

awaitable<void> finish_request(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto outcome = std::make_shared<outcomes>(executor, chosen == form::fixed ? 1 : 0);
  const auto late = std::make_shared<event>(executor);
  co_spawn(executor, handle(outcome, late), detached);
  asio::steady_timer limit(executor, 1ms);
  limit.async_wait([outcome](error_code) { outcome->try_send(ok, "the time is up"); });
  co_await outcome->async_receive(use_awaitable);
  late->close();
}

const program self{"goker_kubernetes_5316", finish_request, {"channel", "proven", {{1, "handle"}}}};

}  // namespace
}  // namespace goker::kubernetes_5316

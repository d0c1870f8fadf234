// verdict: proven
/// A channel is closed over a sender that waits; Asio leaves it waiting. Fixed: cancel() first. (Not
/// after: Asio 1.22 then takes the sender for a receiver.)

#include "program.hpp"

namespace leaks::closed_over_sender {
namespace {

using reports = concurrent_channel<std::string>;

awaitable<void> report(std::shared_ptr<reports> to) { co_await to->async_send(ok, "all is well", no_throw); }

awaitable<void> close_early(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto from = std::make_shared<reports>(executor);
  co_spawn(executor, report(from), detached);
  co_await asio::post(executor, use_awaitable);
  if (chosen == form::fixed) from->cancel();
  from->close();
}

const program self{"leak_closed_over_sender", close_early, {"channel", "proven", {{1, "report"}}}};

}  // namespace
}  // namespace leaks::closed_over_sender

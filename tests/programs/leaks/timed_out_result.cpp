// verdict: proven
/// A result is waited for until a deadline and comes too late: whoever computed it has nobody to give it to. Fixed:
/// the channel is closed. (A buffer of one is no cure in Asio 1.22: a cancelled receive leaves a channel without it.)

#include "program.hpp"

namespace leaks::timed_out_result {
namespace {

using results = concurrent_channel<int>;

awaitable<void> compute(std::shared_ptr<results> to, std::shared_ptr<event> late) {
  co_await late->async_receive(no_throw);
  co_await to->async_send(ok, 42, no_throw);
}

awaitable<void> ask_with_deadline(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto result = std::make_shared<results>(executor);
  const auto late = std::make_shared<event>(executor);
  co_spawn(executor, compute(result, late), detached);
  asio::steady_timer deadline(executor, 1ms);
  co_await (result->async_receive(use_awaitable) || deadline.async_wait(use_awaitable));
  if (chosen == form::fixed) result->close();
  late->close();
}

const program self{"leak_timed_out_result", ask_with_deadline, {"channel", "proven", {{1, "compute"}}}};

}  // namespace
}  // namespace leaks::timed_out_result

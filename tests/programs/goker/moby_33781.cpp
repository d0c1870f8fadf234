// verdict: proven
/// A monitor is stopped while its probe runs, which then has nobody to send its result to. Fixed: the result is
/// taken before the monitor ends.

#include "go.hpp"

namespace goker::moby_33781 {
namespace {

using results = concurrent_channel<bool>;

awaitable<void> probe(std::shared_ptr<results> to, std::shared_ptr<event> stop) {
  co_await stop->async_receive(no_throw);
  co_await yield(to->get_executor());  // the monitor hears of it first
  co_await to->async_send(ok, true, use_awaitable);
}

awaitable<void> monitor(std::shared_ptr<event> stop, form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto result = std::make_shared<results>(executor);
  co_spawn(executor, probe(result, stop), detached);
  const auto first = co_await (stop->async_receive(no_throw) || result->async_receive(use_awaitable));
  if (first.index() == 0 && chosen == form::fixed) co_await result->async_receive(use_awaitable);
}

awaitable<void> stop_monitor(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto stop = std::make_shared<event>(executor);
  co_spawn(executor, monitor(stop, chosen), detached);
  co_await yield(executor);
  stop->close();
}

const program self{"goker_moby_33781", stop_monitor, {"channel and context", "proven", {{1, "probe"}}}};

}  // namespace
}  // namespace goker::moby_33781

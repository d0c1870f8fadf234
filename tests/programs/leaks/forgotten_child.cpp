// verdict: proven
/// A parent is cancelled and forgets the child that it has spawned. Fixed: it awaits its child, so both are
/// cancelled.

#include "program.hpp"

namespace leaks::forgotten_child {
namespace {

using orders = concurrent_channel<int>;

awaitable<void> child(std::shared_ptr<orders> from) { co_await from->async_receive(no_throw); }

awaitable<void> parent(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto to_child = std::make_shared<orders>(executor);
  asio::steady_timer day(executor, 24h);
  if (chosen == form::fixed) co_await (child(to_child) && day.async_wait(use_awaitable));
  co_spawn(executor, child(to_child), detached);
  co_await day.async_wait(use_awaitable);
}

awaitable<void> cancel_parent(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto ended = std::make_shared<event>(executor);
  asio::cancellation_signal cancel;
  co_spawn(executor, parent(chosen),
           asio::bind_cancellation_slot(cancel.slot(), [ended](const std::exception_ptr&) { ended->close(); }));
  co_await asio::post(executor, use_awaitable);
  cancel.emit(asio::cancellation_type::terminal);
  co_await ended->async_receive(no_throw);
}

const program self{"leak_forgotten_child", cancel_parent, {"channel", "proven", {{1, "child"}}}};

}  // namespace
}  // namespace leaks::forgotten_child

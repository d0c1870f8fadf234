// verdict: proven
/// A message makes the dispatcher close its own connection, which waits until the dispatcher has ended. Fixed:
/// another task closes it.

#include "go.hpp"

namespace goker::syncthing_5795 {
namespace {

struct connection {
  explicit connection(const any_io_executor& executor) : inbox(executor), closed(executor), dispatched(executor) {}
  concurrent_channel<int> inbox;
  event closed;
  event dispatched;
};

awaitable<void> close(std::shared_ptr<connection> of) {
  of->closed.close();
  co_await of->dispatched.async_receive(no_throw);
}

awaitable<void> dispatch(std::shared_ptr<connection> of, form chosen) {
  co_await of->inbox.async_receive(use_awaitable);
  if (chosen == form::fixed) {
    co_spawn(co_await this_coro::executor, close(of), detached);
  } else {
    of->closed.close();
    co_await of->dispatched.async_receive(no_throw);
  }
  of->dispatched.close();
}

awaitable<void> wait_until_closed(std::shared_ptr<connection> of) { co_await of->dispatched.async_receive(no_throw); }

awaitable<void> connect(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto made = std::make_shared<connection>(executor);
  co_spawn(executor, dispatch(made, chosen), detached);
  co_spawn(executor, wait_until_closed(made), detached);
  co_await made->inbox.async_send(ok, 1, use_awaitable);
}

const program self{"goker_syncthing_5795", connect, {"channel", "proven", {{1, "dispatch"}, {1, "wait_until_closed"}}}};

}  // namespace
}  // namespace goker::syncthing_5795

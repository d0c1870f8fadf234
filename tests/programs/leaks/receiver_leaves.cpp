// verdict: proven
/// A receiver leaves at its deadline; the producer fills the buffer of 100 and waits at the 101st. Fixed: a channel
/// that tells it to stop.

#include "program.hpp"

namespace leaks::receiver_leaves {
namespace {

struct stream {
  explicit stream(const any_io_executor& executor) : values(executor, 100), stop(executor) {}
  concurrent_channel<int> values;
  event stop;
};

awaitable<void> produce(std::shared_ptr<stream> to) {
  for (int i = 0;; ++i) co_await to->values.async_send(ok, i, use_awaitable);
}

awaitable<void> produce_until_stopped(std::shared_ptr<stream> to) {
  for (int i = 0;; ++i) {
    const auto done = co_await (to->values.async_send(ok, i, use_awaitable) || to->stop.async_receive(no_throw));
    if (done.index() == 1) co_return;
  }
}

awaitable<void> consume_for_a_while(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto from = std::make_shared<stream>(executor);
  co_spawn(executor, chosen == form::fixed ? produce_until_stopped(from) : produce(from), detached);
  const auto deadline = std::chrono::steady_clock::now() + 1ms;
  while (std::chrono::steady_clock::now() < deadline) co_await from->values.async_receive(use_awaitable);
  from->stop.close();
}

const program self{"leak_receiver_leaves", consume_for_a_while, {"channel", "proven", {{1, "produce"}}}};

}  // namespace
}  // namespace leaks::receiver_leaves

// verdict: proven
/// Channels that nobody else has ever held, as Go's nil channel: one task sends, another receives. They live in the
/// frames themselves. Fixed: a buffer for what is sent, and one that is closed.

#include "program.hpp"

namespace leaks::channel_of_nobody {
namespace {

awaitable<void> send_to_nobody(form chosen) {
  channel<int> mine(co_await this_coro::executor, chosen == form::fixed ? 1 : 0);
  co_await mine.async_send(ok, 1, use_awaitable);
}

awaitable<void> receive_from_nobody(form chosen) {
  concurrent_channel<int> mine(co_await this_coro::executor);
  if (chosen == form::fixed) mine.close();
  co_await mine.async_receive(no_throw);
}

awaitable<void> start_both(form chosen) {
  const auto executor = co_await this_coro::executor;
  co_spawn(executor, send_to_nobody(chosen), detached);
  co_spawn(executor, receive_from_nobody(chosen), detached);
}

const program self{
    "leak_channel_of_nobody", start_both, {"channel", "proven", {{1, "send_to_nobody"}, {1, "receive_from_nobody"}}}};

}  // namespace
}  // namespace leaks::channel_of_nobody

// verdict: proven
/// Ten tasks wait for one message: nine of them get none. Fixed: the channel is closed, which wakes all of them.

#include "program.hpp"

namespace leaks::ten_receivers {
namespace {

awaitable<void> listener(std::shared_ptr<channel<int>> news) { co_await news->async_receive(no_throw); }

awaitable<void> tell_ten(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto news = std::make_shared<channel<int>>(executor);
  for (int i = 0; i < 10; ++i) co_spawn(executor, listener(news), detached);
  co_await news->async_send(ok, 1, use_awaitable);
  if (chosen == form::fixed) news->close();
}

const program self{"leak_ten_receivers", tell_ten, {"channel", "proven", {{9, "listener"}}}};

}  // namespace
}  // namespace leaks::ten_receivers

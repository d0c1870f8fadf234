// verdict: proven
/// Ten tasks wait for one message: nine of them get none. Fixed: the channel is closed, which wakes all of them.

#include "program.hpp"

namespace leaks {
namespace {

awaitable<void> listener(std::shared_ptr<channel<int>> news) { co_await news->async_receive(no_throw); }

awaitable<void> tell_ten(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto news = std::make_shared<channel<int>>(executor);
  for (int i = 0; i < 10; ++i) co_spawn(executor, listener(news), detached);
  co_await news->async_send(ok, 1, use_awaitable);
  if (chosen == form::fixed) news->close();
}

}  // namespace
}  // namespace leaks

int main(int argc, char** argv) {
  return leaks::run(argc, argv, leaks::tell_ten, {"channel", "proven", {{9, "listener"}}});
}

// verdict: proven
/// A task that answers questions ends at a bad one; those who asked after it wait for their answers. Fixed: it goes
/// on.

#include "program.hpp"

namespace leaks::server_died {
namespace {

using answers = concurrent_channel<int>;

struct question {
  int number = 0;
  std::shared_ptr<answers> to;
};
using questions = concurrent_channel<question>;

awaitable<void> answer(std::shared_ptr<questions> from, form chosen) {
  for (int served = 0; served < 3; ++served) {
    const question next = co_await from->async_receive(use_awaitable);
    if (next.number == 0 && chosen == form::leaking) co_return;
    co_await next.to->async_send(ok, next.number == 0 ? 0 : 100 / next.number, use_awaitable);
  }
}

awaitable<void> ask(std::shared_ptr<questions> to, int number) {
  const auto mine = std::make_shared<answers>(co_await this_coro::executor, 1);
  question asked{number, mine};
  co_await to->async_send(ok, std::move(asked), use_awaitable);
  co_await mine->async_receive(use_awaitable);
}

awaitable<void> ask_three(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto asked = std::make_shared<questions>(executor, 3);
  co_spawn(executor, answer(asked, chosen), detached);
  for (const int number : {7, 0, 3}) co_spawn(executor, ask(asked, number), detached);
}

const program self{"leak_server_died", ask_three, {"channel", "proven", {{2, "ask"}}}};

}  // namespace
}  // namespace leaks::server_died

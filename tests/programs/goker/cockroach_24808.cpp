// verdict: proven
/// Starting a compactor begins with a suggestion to itself; when one was there already, its buffer is full and
/// nobody reads it yet. Fixed: one is enough.

#include "go.hpp"

namespace goker::cockroach_24808 {
namespace {

struct compactor {
  explicit compactor(const any_io_executor& executor) : suggestions(executor, 1) {}
  channel<int> suggestions;
};

awaitable<void> compact(std::shared_ptr<compactor> self) { co_await self->suggestions.async_receive(use_awaitable); }

awaitable<void> start(std::shared_ptr<compactor> self, form chosen) {
  if (chosen == form::fixed) {
    self->suggestions.try_send(ok, 0);
  } else {
    co_await self->suggestions.async_send(ok, 0, use_awaitable);
  }
  co_await compact(self);
}

awaitable<void> suggest_and_start(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto made = std::make_shared<compactor>(executor);
  made->suggestions.try_send(ok, 1);
  co_spawn(executor, start(made, chosen), detached);
}

const program self{"goker_cockroach_24808", suggest_and_start, {"channel", "proven", {{1, "start"}}}};

}  // namespace
}  // namespace goker::cockroach_24808

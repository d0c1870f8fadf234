// verdict: proven
/// Every transaction has a task that waits for the end of its context; one that is neither committed nor rolled
/// back does not end it. Fixed: it is rolled back.

#include "go.hpp"

namespace goker::cockroach_13197 {
namespace {

struct transaction {
  explicit transaction(const any_io_executor& executor) : context(std::make_shared<event>(executor)) {}
  void roll_back() const { context->close(); }
  std::shared_ptr<event> context;
};

awaitable<void> await_done(std::shared_ptr<event> context) { co_await context->async_receive(no_throw); }

awaitable<void> begin_transaction(form chosen) {
  const auto executor = co_await this_coro::executor;
  const transaction begun(executor);
  co_spawn(executor, await_done(begun.context), detached);
  co_await yield(executor);
  if (chosen == form::fixed) begun.roll_back();
}

const program self{"goker_cockroach_13197", begin_transaction, {"channel and context", "proven", {{1, "await_done"}}}};

}  // namespace
}  // namespace goker::cockroach_13197

// verdict: proven
/// Commands are awaited one after another; when the request is cancelled, a task is started that takes the rest,
/// but it begins with the first again, which was already taken. Fixed: it begins where the loop was.

#include "go.hpp"

namespace goker::cockroach_10790 {
namespace {

struct replica {
  explicit replica(const any_io_executor& executor) : cancelled(executor) {
    for (int i = 0; i < 3; ++i) commands.push_back(std::make_unique<channel<bool>>(executor));
  }
  std::vector<std::unique_ptr<channel<bool>>> commands;
  event cancelled;
};

awaitable<void> drain(std::shared_ptr<replica> of, std::size_t from) {
  for (std::size_t i = from; i < of->commands.size(); ++i) co_await of->commands[i]->async_receive(no_throw);
}

/// Ends the first command, and the others when it is told that the request was cancelled.
awaitable<void> end_commands(std::shared_ptr<replica> of) {
  co_await of->commands[0]->async_send(ok, true, use_awaitable);
  of->cancelled.close();
  for (std::size_t i = 1; i < of->commands.size(); ++i) of->commands[i]->close();
}

awaitable<void> begin_commands(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto of = std::make_shared<replica>(executor);
  co_spawn(executor, end_commands(of), detached);
  co_await of->commands[0]->async_receive(use_awaitable);
  co_await of->cancelled.async_receive(no_throw);
  co_spawn(executor, drain(of, chosen == form::fixed ? 1 : 0), detached);
}

const program self{"goker_cockroach_10790", begin_commands, {"channel and context", "proven", {{1, "drain"}}}};

}  // namespace
}  // namespace goker::cockroach_10790

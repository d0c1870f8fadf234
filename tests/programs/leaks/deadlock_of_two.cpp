// verdict: proven
/// Two tasks, each of which receives first what the other would send next. Fixed: one of them sends first.

#include "program.hpp"

namespace leaks::deadlock_of_two {
namespace {

using messages = concurrent_channel<std::string>;

awaitable<void> pass_on(std::shared_ptr<messages> from, std::shared_ptr<messages> to) {
  std::string message = co_await from->async_receive(use_awaitable);
  co_await to->async_send(ok, std::move(message), use_awaitable);
}

awaitable<void> begin(std::shared_ptr<messages> from, std::shared_ptr<messages> to) {
  co_await to->async_send(ok, "begin", use_awaitable);
  co_await from->async_receive(use_awaitable);
}

awaitable<void> start_two(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto left = std::make_shared<messages>(executor);
  const auto right = std::make_shared<messages>(executor);
  co_spawn(executor, pass_on(left, right), detached);
  co_spawn(executor, chosen == form::fixed ? begin(right, left) : pass_on(right, left), detached);
}

const program self{"leak_deadlock_of_two", start_two, {"channel", "proven", {{2, "pass_on"}}}};

}  // namespace
}  // namespace leaks::deadlock_of_two

// verdict: proven
/// Three philosophers, each with the left fork in the hand. Fixed: the last one begins with the right fork.

#include "program.hpp"

namespace leaks::deadlock_of_three {
namespace {

/// Sending takes it, receiving lays it down.
using fork = channel<nothing>;

awaitable<void> dine(std::shared_ptr<fork> first, std::shared_ptr<fork> second) {
  co_await first->async_send(ok, {}, use_awaitable);
  co_await asio::post(co_await this_coro::executor, use_awaitable);
  co_await second->async_send(ok, {}, use_awaitable);
  second->try_receive([](error_code, nothing) {});
  first->try_receive([](error_code, nothing) {});
}

awaitable<void> start_dinner(form chosen) {
  const auto executor = co_await this_coro::executor;
  std::vector<std::shared_ptr<fork>> forks;
  for (int i = 0; i < 3; ++i) forks.push_back(std::make_shared<fork>(executor, 1));
  co_spawn(executor, dine(forks[0], forks[1]), detached);
  co_spawn(executor, dine(forks[1], forks[2]), detached);
  co_spawn(executor, chosen == form::fixed ? dine(forks[0], forks[2]) : dine(forks[2], forks[0]), detached);
}

const program self{"leak_deadlock_of_three", start_dinner, {"lock", "proven", {{3, "dine"}}}};

}  // namespace
}  // namespace leaks::deadlock_of_three

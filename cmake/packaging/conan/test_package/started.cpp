// One task that waits for ever, and an agent that nobody here starts.
#include <asio.hpp>
#include <tasks/agent.hpp>

asio::awaitable<void> wait_for_ever() {
  asio::steady_timer timer(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
  co_await timer.async_wait(asio::use_awaitable);
}

int main() {
  asio::io_context io;
  co_spawn(io, wait_for_ever(), asio::detached);
  io.poll();
  return tasks::count() == 1 && tasks::agent::status().code == tasks::agent_status::listening ? 0 : 1;
}

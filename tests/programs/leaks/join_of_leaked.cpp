// verdict: proven
/// A task awaits two others that nobody answers. Fixed: they are answered.

#include "program.hpp"

namespace leaks::join_of_leaked {
namespace {

using answers = concurrent_channel<int>;

awaitable<int> half(std::shared_ptr<answers> from) {
  const auto [closed, value] = co_await from->async_receive(no_throw);
  co_return closed ? 0 : value;
}

awaitable<void> both_halves(std::shared_ptr<answers> from) { co_await (half(from) && half(from)); }

awaitable<void> start_join(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto from = std::make_shared<answers>(executor);
  co_spawn(executor, both_halves(from), detached);
  co_await asio::post(executor, use_awaitable);
  if (chosen == form::fixed) from->close();
}

const program self{"leak_join_of_leaked", start_join, {"channel", "proven", {{2, "half"}, {1, "both_halves"}}}};

}  // namespace
}  // namespace leaks::join_of_leaked

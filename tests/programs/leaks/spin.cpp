// verdict: stalled
/// A loop that never awaits holds up its thread. Fixed: it has an end.

#include "program.hpp"

namespace leaks::spin {
namespace {

/// Searches a ring of words for one that is not in it.
awaitable<void> search(const volatile int* ring, std::size_t size, int wanted, std::shared_ptr<event> begun) {
  begun->close();
  for (std::size_t i = 0; ring[i] != wanted; i = (i + 1) % size) {
  }
  co_return;
}

awaitable<void> start_search(form chosen) {
  static const std::array ring{1, 2, 3, 4};
  auto& thread = *new asio::thread_pool(1);  // Never destroyed: that would wait for its thread.
  const auto begun = std::make_shared<event>(co_await this_coro::executor);
  co_spawn(thread, search(ring.data(), ring.size(), chosen == form::fixed ? 3 : 5, begun), detached);
  co_await begun->async_receive(no_throw);
}

const program self{"leak_spin", start_search, {"loop", "stalled", {{1, "search"}}}};

}  // namespace
}  // namespace leaks::spin

// verdict: proven
/// A semaphore of two places: two calls fail and do not give theirs back, three more wait for one. Fixed: each
/// gives its place back however it ends.

#include "program.hpp"

namespace leaks::semaphore_not_released {
namespace {

using semaphore = concurrent_channel<nothing>;

struct place {
  ~place() {
    if (of) of->try_receive([](error_code, nothing) {});
  }
  std::shared_ptr<semaphore> of;
};

awaitable<void> call_with_limit(std::shared_ptr<semaphore> limit, form chosen) {
  co_await limit->async_send(ok, {}, use_awaitable);
  const place mine{chosen == form::fixed ? limit : nullptr};
  co_await asio::post(co_await this_coro::executor, use_awaitable);
  throw std::runtime_error("the call failed");
}

awaitable<void> call_five_times(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto limit = std::make_shared<semaphore>(executor, 2);
  for (int i = 0; i < 5; ++i) co_spawn(executor, call_with_limit(limit, chosen), [](const std::exception_ptr&) {});
}

const program self{"leak_semaphore_not_released", call_five_times, {"lock", "proven", {{3, "call_with_limit"}}}};

}  // namespace
}  // namespace leaks::semaphore_not_released

// verdict: proven
/// A function is run in the background and its error is to be had from a channel, which the caller drops. Fixed: a
/// buffer of one.

#include "go.hpp"

namespace goker::moby_4395 {
namespace {

using errors = concurrent_channel<int>;

awaitable<void> run_in_background(std::shared_ptr<errors> to, std::function<int()> work) {
  co_await to->async_send(ok, work(), use_awaitable);
}

std::shared_ptr<errors> in_background(const any_io_executor& executor, std::function<int()> work, form chosen) {
  auto error = std::make_shared<errors>(executor, chosen == form::fixed ? 1 : 0);
  co_spawn(executor, run_in_background(error, std::move(work)), detached);
  return error;
}

awaitable<void> start_and_forget(form chosen) {
  in_background(
      co_await this_coro::executor, [] { return 1; }, chosen);
}

const program self{"goker_moby_4395", start_and_forget, {"channel", "proven", {{1, "run_in_background"}}}};

}  // namespace
}  // namespace goker::moby_4395

// verdict: proven
/// A function is run in the background and its error is to be had from a channel, which the caller drops. Fixed: a
/// buffer of one.

#include "go.hpp"

namespace goker {
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

}  // namespace
}  // namespace goker

int main(int argc, char** argv) {
  return goker::run(argc, argv, goker::start_and_forget, {"channel", "proven", {{1, "run_in_background"}}});
}

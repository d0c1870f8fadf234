// verdict: proven
/// A stream is closed, but the task that reads it is not told. Fixed: it is.

#include "go.hpp"

namespace goker::grpc_1275 {
namespace {

using messages = concurrent_channel<std::string>;

awaitable<void> read_stream(std::shared_ptr<messages> from, std::shared_ptr<event> done) {
  co_await from->async_receive(no_throw);
  done->close();
}

awaitable<void> close_stream(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto stream = std::make_shared<messages>(executor);
  const auto done = std::make_shared<event>(executor);
  co_spawn(executor, read_stream(stream, done), detached);
  if (chosen == form::fixed) stream->close();
  asio::steady_timer patience(executor, 1ms);
  co_await (done->async_receive(no_throw) || patience.async_wait(use_awaitable));
}

const program self{"goker_grpc_1275", close_stream, {"channel", "proven", {{1, "read_stream"}}}};

}  // namespace
}  // namespace goker::grpc_1275

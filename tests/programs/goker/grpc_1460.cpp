// verdict: proven
/// A keepalive task waits with the lock held until there is a stream; making one takes the lock. Fixed: it gives
/// the lock back before it waits.

#include "go.hpp"

namespace goker::grpc_1460 {
namespace {

struct client {
  explicit client(const any_io_executor& executor) : lock(executor), awaken(executor, 1) {}
  mutex lock;
  channel<nothing> awaken;
  int streams = 0;
};

awaitable<void> keep_alive(std::shared_ptr<client> of, form chosen) {
  co_await of->lock.lock();
  if (of->streams == 0) {
    if (chosen == form::fixed) of->lock.unlock();
    co_await of->awaken.async_receive(use_awaitable);
    if (chosen == form::fixed) co_await of->lock.lock();
  }
  of->lock.unlock();
}

awaitable<void> new_stream(std::shared_ptr<client> of) {
  co_await of->lock.lock();
  if (++of->streams == 1) of->awaken.try_send(ok, nothing{});
  of->lock.unlock();
}

awaitable<void> start_client(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto made = std::make_shared<client>(executor);
  co_spawn(executor, keep_alive(made, chosen), detached);
  co_spawn(executor, new_stream(made), detached);
}

const program self{
    "goker_grpc_1460", start_client, {"channel and lock", "proven", {{1, "keep_alive"}, {1, "new_stream"}}}};

}  // namespace
}  // namespace goker::grpc_1460

// verdict: growing
/// Dialling is given up, but the connection is not closed: its task goes on trying, with longer and longer pauses.
/// Fixed: it is closed.

#include "go.hpp"

namespace goker::grpc_862 {
namespace {

struct connection {
  explicit connection(const any_io_executor& executor) : pause(executor) {}
  void close() {
    closed = true;
    pause.cancel();
  }
  bool closed = false;
  asio::steady_timer pause;
};

awaitable<void> reset_transport(std::shared_ptr<connection> of) {
  for (auto pause = 120s; !of->closed; pause *= 2) {
    of->pause.expires_after(pause);
    co_await of->pause.async_wait(no_throw);
  }
}

awaitable<void> dial(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto made = std::make_shared<connection>(executor);
  co_spawn(executor, reset_transport(made), detached);
  co_await yield(executor);
  if (chosen == form::fixed) made->close();
}

const program self{"goker_grpc_862", dial, {"timer", "growing", {{1, "reset_transport"}}}};

}  // namespace
}  // namespace goker::grpc_862

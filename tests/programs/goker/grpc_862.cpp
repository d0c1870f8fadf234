// verdict: growing
/// Dialling is given up, but the connection is not closed: its task goes on trying, with longer and longer pauses.
/// Fixed: it is closed.

#include "go.hpp"

namespace goker {
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

}  // namespace
}  // namespace goker

int main(int argc, char** argv) {
  return goker::run(argc, argv, goker::dial, {"timer", "growing", {{1, "reset_transport"}}});
}

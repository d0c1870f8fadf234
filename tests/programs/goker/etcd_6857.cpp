// verdict: proven
/// The status of a node is asked of its loop, which has been stopped. Fixed: who asks also watches for the stop.

#include "go.hpp"

namespace goker::etcd_6857 {
namespace {

struct node {
  explicit node(const any_io_executor& executor) : questions(executor), stop(executor), done(executor) {}
  concurrent_channel<int> questions;
  event stop;
  event done;
};

awaitable<void> run_node(std::shared_ptr<node> self) {
  for (bool running = true; running;) {
    const auto next = co_await (self->questions.async_receive(use_awaitable) || self->stop.async_receive(no_throw));
    running = next.index() == 0;
  }
  self->done.close();
}

awaitable<void> ask_status(std::shared_ptr<node> of) { co_await of->questions.async_send(ok, 1, use_awaitable); }

awaitable<void> ask_status_unless_done(std::shared_ptr<node> of) {
  co_await (of->questions.async_send(ok, 1, use_awaitable) || of->done.async_receive(no_throw));
}

awaitable<void> stop_node(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto stopped = std::make_shared<node>(executor);
  co_spawn(executor, run_node(stopped), detached);
  co_await yield(executor);
  stopped->stop.close();
  co_await stopped->done.async_receive(no_throw);
  co_spawn(executor, chosen == form::fixed ? ask_status_unless_done(stopped) : ask_status(stopped), detached);
}

const program self{"goker_etcd_6857", stop_node, {"channel", "proven", {{1, "ask_status"}}}};

}  // namespace
}  // namespace goker::etcd_6857

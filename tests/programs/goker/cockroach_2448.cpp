// verdict: proven
/// One loop sends events and takes callbacks, the other takes events and sends callbacks; both send at the same
/// time. Fixed: events are queued.

#include "go.hpp"

namespace goker::cockroach_2448 {
namespace {

struct store {
  store(const any_io_executor& executor, std::size_t queued) : events(executor, queued), callbacks(executor) {}
  concurrent_channel<int> events;
  concurrent_channel<int> callbacks;
};

awaitable<void> multi_raft(std::shared_ptr<store> of) {
  for (int event = 0; event < 2; ++event) co_await of->events.async_send(ok, event, use_awaitable);
  for (int event = 0; event < 2; ++event) co_await of->callbacks.async_receive(use_awaitable);
}

awaitable<void> process_raft(std::shared_ptr<store> of) {
  for (int i = 0; i < 2; ++i) {
    const int event = co_await of->events.async_receive(use_awaitable);
    co_await of->callbacks.async_send(ok, event, use_awaitable);
  }
}

awaitable<void> start_store(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto of = std::make_shared<store>(executor, chosen == form::fixed ? 2 : 0);
  co_spawn(executor, process_raft(of), detached);
  co_spawn(executor, multi_raft(of), detached);
}

const program self{
    "goker_cockroach_2448", start_store, {"channel", "proven", {{1, "process_raft"}, {1, "multi_raft"}}}};

}  // namespace
}  // namespace goker::cockroach_2448

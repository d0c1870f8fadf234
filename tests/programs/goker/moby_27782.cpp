// verdict: proven
/// A log is no longer followed: its watch is removed, which waits for the reader of events, which has one for the
/// follower. Fixed: the reader is stopped first.

#include "go.hpp"

namespace goker::moby_27782 {
namespace {

struct log_watcher {
  explicit log_watcher(const any_io_executor& executor)
      : events(executor), closed(executor), done(executor), removed(executor, asio::steady_timer::time_point::max()) {}
  concurrent_channel<int> events;
  event closed;
  event done;
  asio::steady_timer removed;
};

awaitable<void> read_events(std::shared_ptr<log_watcher> of) {
  co_await of->events.async_send(ok, 1, use_awaitable);
  of->removed.cancel();
}

awaitable<void> read_events_until_done(std::shared_ptr<log_watcher> of) {
  co_await (of->events.async_send(ok, 1, use_awaitable) || of->done.async_receive(no_throw));
  of->removed.cancel();
}

awaitable<void> follow_logs(std::shared_ptr<log_watcher> of, form chosen) {
  co_await of->closed.async_receive(no_throw);
  if (chosen == form::fixed) of->done.close();
  co_await of->removed.async_wait(no_throw);
}

awaitable<void> close_log(form chosen) {
  const auto executor = co_await this_coro::executor;
  const auto log = std::make_shared<log_watcher>(executor);
  co_spawn(executor, follow_logs(log, chosen), detached);
  co_spawn(executor, chosen == form::fixed ? read_events_until_done(log) : read_events(log), detached);
  log->closed.close();
}

const program self{
    "goker_moby_27782", close_log, {"channel and condition", "proven", {{1, "follow_logs"}, {1, "read_events"}}}};

}  // namespace
}  // namespace goker::moby_27782

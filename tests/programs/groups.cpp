// Tasks that await several operations at once, of which some are over: a pause that goes on after the answer has come,
// a wait on a timer that never expires and was cancelled beside one that does expire, and a session that was asked to
// stop in a way that only its timer obeys. And one that waits for an operation that is not Asio's.

#include <asio.hpp>
#include <asio/experimental/channel.hpp>
#include <asio/experimental/deferred.hpp>
#include <asio/experimental/parallel_group.hpp>
#include <functional>
#include <iostream>
#include <memory>
#include <thread>

namespace {

namespace ex = asio::experimental;
using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;
using channel = ex::channel<void(std::error_code, int)>;
using timer = asio::steady_timer;
using namespace std::chrono_literals;

awaitable<void> answers(std::shared_ptr<channel> to) { co_await to->async_send(std::error_code{}, 42, use_awaitable); }

awaitable<void> at_least(std::chrono::seconds pause) {
  auto executor = co_await asio::this_coro::executor;
  auto reply = std::make_shared<channel>(executor, 0);
  co_spawn(executor, answers(reply), asio::detached);
  timer until(executor, pause);
  co_await ex::make_parallel_group(reply->async_receive(ex::deferred), until.async_wait(ex::deferred))
      .async_wait(ex::wait_for_all(), use_awaitable);
}

awaitable<void> keeps_for(std::shared_ptr<timer> stop, std::chrono::seconds time) {
  timer until(stop->get_executor(), time);
  co_await ex::make_parallel_group(stop->async_wait(ex::deferred), until.async_wait(ex::deferred))
      .async_wait(ex::wait_for_all(), use_awaitable);
}

awaitable<void> reads(tcp::socket& from) {
  char bytes[64];
  for (;;) co_await from.async_read_some(asio::buffer(bytes), use_awaitable);
}

awaitable<void> session(tcp::socket peer) {
  co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
  auto executor = co_await asio::this_coro::executor;
  timer idle(executor, 10min);
  co_await ex::make_parallel_group(idle.async_wait(ex::deferred), co_spawn(executor, reads(peer), ex::deferred))
      .async_wait(ex::wait_for_one(), use_awaitable);
}

awaitable<void> both(tcp::socket& from, std::shared_ptr<channel> messages) {
  char bytes[64];
  timer until(from.get_executor(), 1h);
  co_await ex::make_parallel_group(until.async_wait(ex::deferred), messages->async_receive(ex::deferred),
                                   from.async_read_some(asio::buffer(bytes), ex::deferred))
      .async_wait(ex::wait_for_one(), use_awaitable);
}

/// Somebody else's: keeps who waits for a connection.
struct pool {
  std::function<void()> waiting;
  template <class Token>
  auto async_acquire(Token&& token) {
    return asio::async_initiate<Token, void()>(
        [this](auto handler) {
          waiting = [kept = std::make_shared<decltype(handler)>(std::move(handler))] { std::move (*kept)(); };
        },
        token);
  }
};
awaitable<void> acquires(pool& from) { co_await from.async_acquire(use_awaitable); }

}  // namespace

int main() {
  asio::io_context context;
  const auto work = asio::make_work_guard(context);
  tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
  tcp::socket client(context), server(context), other_client(context), other(context);
  client.connect(acceptor.local_endpoint());
  acceptor.accept(server);
  other_client.connect(acceptor.local_endpoint());
  acceptor.accept(other);
  asio::cancellation_signal total;
  pool connections;
  co_spawn(context, acquires(connections), asio::detached);
  auto stop = std::make_shared<timer>(context, timer::time_point::max());
  co_spawn(context, at_least(1h), asio::detached);
  co_spawn(context, keeps_for(stop, 3600s), asio::detached);
  co_spawn(context, session(std::move(server)), asio::bind_cancellation_slot(total.slot(), asio::detached));
  co_spawn(context, both(other, std::make_shared<channel>(context, 5)), asio::detached);
  context.poll();
  stop->cancel();
  total.emit(asio::cancellation_type::total);
  context.poll();
  std::thread runs([&] { context.run(); });
  std::cout << "ready" << std::endl;
  while (std::cin.get() != EOF) {
  }
  context.stop();
  runs.join();
}

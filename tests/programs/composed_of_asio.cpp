// Composed operations of Asio's, none of which ends: each task awaits the one that it is called after. Compiled with
// two versions of Asio.

#include <array>
#include <asio.hpp>
#include <asio/experimental/channel.hpp>
#include <asio/experimental/coro.hpp>
#include <asio/experimental/parallel_group.hpp>
#include <asio/experimental/promise.hpp>
#include <asio/experimental/use_coro.hpp>
#include <asio/ssl.hpp>
#include <iostream>
#include <string>
#include <thread>
#if ASIO_VERSION < 102400
#  include <asio/experimental/deferred.hpp>
#else
#  include <asio/experimental/use_promise.hpp>
#endif

namespace {

namespace ex = asio::experimental;
#if ASIO_VERSION < 102400
using ex::deferred;
#else
using asio::deferred;
#endif
using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;
using timer = asio::steady_timer;
using channel = ex::channel<void(std::error_code, int)>;
using tls = asio::ssl::stream<tcp::socket>;
using namespace std::chrono_literals;

/// Tells main() that a task is where it is to be looked at.
int waiting = 0;
tcp::endpoint silent, secured;

asio::ssl::context& without_keys() {
  static asio::ssl::context context = [] {
    asio::ssl::context made(asio::ssl::context::tls);
    SSL_CTX_set_max_proto_version(made.native_handle(), TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(made.native_handle(), "aNULL:@SECLEVEL=0");
    return made;
  }();
  return context;
}

template <class Promise>
auto kept(Promise& promise) {
#if ASIO_VERSION < 102400
  return promise.async_wait(use_awaitable);
#else
  return promise(use_awaitable);
#endif
}
awaitable<void> promise_of_timer() {
  timer until(co_await asio::this_coro::executor, 1h);
  auto promise = until.async_wait(ex::use_promise);
  ++waiting;
  co_await kept(promise);
}
awaitable<void> promise_after_channel() {
  channel messages(co_await asio::this_coro::executor, 1);
  messages.try_send(std::error_code(), 1);
  co_await messages.async_receive(use_awaitable);
  timer until(messages.get_executor(), 1h);
  auto promise = until.async_wait(ex::use_promise);
  ++waiting;
  co_await kept(promise);
}

ex::coro<int> yields(timer& until) {
  co_yield 1;
  co_await until.async_wait(ex::use_coro);
}
awaitable<void> coro_that_goes_on() {
  timer until(co_await asio::this_coro::executor, 1h);
  auto numbers = yields(until);
  co_await numbers.async_resume(use_awaitable);
  ++waiting;
  co_await numbers.async_resume(use_awaitable);
}

struct two_parts {
  timer& first;
  channel& second;
  int part = 0;
  template <class Self>
  void operator()(Self& self, std::error_code = {}, int = 0) {
    switch (part++) {
      case 0:
        first.async_wait(std::move(self));
        break;
      case 1:
        second.async_receive(std::move(self));
        ++waiting;
        break;
      default:
        self.complete();
    }
  }
};
awaitable<void> composed() {
  timer now(co_await asio::this_coro::executor, 0s);
  channel messages(now.get_executor(), 3);
  co_await asio::async_compose<const asio::use_awaitable_t<>&, void()>(two_parts{now, messages}, use_awaitable, now);
}

awaitable<void> tls_handshake() {
  tls with(co_await asio::this_coro::executor, without_keys());
  co_await with.lowest_layer().async_connect(silent, use_awaitable);
  ++waiting;
  co_await with.async_handshake(tls::client, use_awaitable);
}
awaitable<void> shake_hands(tls& with) {
  co_await with.lowest_layer().async_connect(secured, use_awaitable);
  co_await with.async_handshake(tls::client, use_awaitable);
}
awaitable<void> tls_read() {
  tls from(co_await asio::this_coro::executor, without_keys());
  co_await shake_hands(from);
  std::array<char, 4> bytes;
  ++waiting;
  co_await asio::async_read(from, asio::buffer(bytes), use_awaitable);
}
awaitable<void> tls_write() {
  tls to(co_await asio::this_coro::executor, without_keys());
  co_await shake_hands(to);
  const std::string bytes(40'000'000, 'x');
  ++waiting;
  co_await asio::async_write(to, asio::buffer(bytes), use_awaitable);
}
awaitable<void> reads_until() {
  tcp::socket from(co_await asio::this_coro::executor);
  const std::array<tcp::endpoint, 1> all{silent};
  co_await asio::async_connect(from, all, use_awaitable);
  std::string bytes;
  ++waiting;
  co_await asio::async_read_until(from, asio::dynamic_buffer(bytes), "x", use_awaitable);
}
awaitable<void> group() {
  timer until(co_await asio::this_coro::executor, 1h);
  channel messages(until.get_executor(), 3);
  ++waiting;
  co_await ex::make_parallel_group(until.async_wait(deferred), messages.async_receive(deferred))
      .async_wait(ex::wait_for_one(), use_awaitable);
}

awaitable<void> peer(tcp::socket with) {
  tls made(std::move(with), without_keys());
  co_await made.async_handshake(tls::server, use_awaitable);
  timer until(made.get_executor(), 1h);
  co_await until.async_wait(use_awaitable);
}
awaitable<void> serves(tcp::acceptor& from) {
  for (;;) co_spawn(from.get_executor(), peer(co_await from.async_accept(use_awaitable)), asio::detached);
}

}  // namespace

int main() {
  asio::io_context context;
  const tcp::endpoint any(asio::ip::address_v4::loopback(), 0);
  tcp::acceptor for_nobody(context, any), for_tls(context, any);
  silent = for_nobody.local_endpoint();
  secured = for_tls.local_endpoint();
  co_spawn(context, serves(for_tls), asio::detached);
  const auto all = {promise_of_timer, promise_after_channel, coro_that_goes_on,
                    composed,         tls_handshake,         tls_read,
                    tls_write,        reads_until,           group};
  for (const auto each : all) co_spawn(context, each(), asio::detached);
  while (waiting < static_cast<int>(all.size())) context.run_one();
  context.poll();
  std::thread runs([&] { context.run(); });
  std::cout << "ready" << std::endl;
  while (std::cin.get() != EOF) {
  }
  context.stop();
  runs.join();
}

// Beast's operations with time-outs, whose peers never answer: each task awaits the one that it is called after.

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast.hpp>
#include <boost/beast/ssl.hpp>
#include <iostream>
#include <thread>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;
using stream = beast::tcp_stream;
using websocket = beast::websocket::stream<stream>;
using tls = beast::ssl_stream<stream>;
using namespace std::chrono_literals;

/// Tells main() that a task is where it is to be looked at.
int waiting = 0;

struct peers {
  tcp::endpoint silent, begins, secured, upgrades;
};
peers at;

/// No certificates: what is shown does not depend on them.
asio::ssl::context& without_keys() {
  static asio::ssl::context context = [] {
    asio::ssl::context made(asio::ssl::context::tls);
    SSL_CTX_set_max_proto_version(made.native_handle(), TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(made.native_handle(), "aNULL:@SECLEVEL=0");
    return made;
  }();
  return context;
}

awaitable<stream> connected(tcp::endpoint where) {
  stream made(co_await asio::this_coro::executor);
  co_await made.async_connect(where, use_awaitable);
  made.expires_after(1h);
  co_return made;
}

template <class Stream>
awaitable<void> reads(Stream& from) {
  beast::flat_buffer bytes;
  http::response<http::string_body> message;
  ++waiting;
  co_await http::async_read(from, bytes, message, use_awaitable);
}
awaitable<void> reads_message() {
  auto from = co_await connected(at.silent);
  co_await reads(from);
}
awaitable<void> reads_rest_of_message() {
  auto from = co_await connected(at.begins);
  co_await reads(from);
}
awaitable<tls> secured() {
  tls made(co_await connected(at.secured), without_keys());
  co_await made.async_handshake(tls::client, use_awaitable);
  co_return made;
}
awaitable<void> reads_message_of_tls() {
  auto from = co_await secured();
  co_await reads(from);
}
awaitable<void> writes_message() {
  auto to = co_await connected(at.silent);
  http::request<http::string_body> message{http::verb::post, "/", 11};
  message.body().resize(40'000'000);
  message.prepare_payload();
  ++waiting;
  co_await http::async_write(to, message, use_awaitable);
}
awaitable<void> shakes_hands_of_tls() {
  tls with(co_await connected(at.silent), without_keys());
  ++waiting;
  co_await with.async_handshake(tls::client, use_awaitable);
}

/// Pings after two hours, and gives up after four.
template <class Websocket>
void set_timeouts(Websocket& of) {
  of.set_option(beast::websocket::stream_base::timeout{1h, 4h, true});
}
awaitable<void> shakes_hands() {
  websocket with(co_await asio::this_coro::executor);
  co_await with.next_layer().async_connect(at.silent, use_awaitable);
  set_timeouts(with);
  ++waiting;
  co_await with.async_handshake("localhost", "/", use_awaitable);
}
awaitable<void> shakes_hands_of_stream() {
  websocket with(co_await connected(at.silent));
  ++waiting;
  co_await with.async_handshake("localhost", "/", use_awaitable);
}
awaitable<void> shakes_hands_in_time() {
  websocket with(co_await connected(at.silent));
  with.set_option(beast::websocket::stream_base::timeout{20min, 4h, true});
  ++waiting;
  co_await with.async_handshake("localhost", "/", use_awaitable);
}
awaitable<void> reads_websocket() {
  websocket from(co_await asio::this_coro::executor);
  co_await from.next_layer().async_connect(at.upgrades, use_awaitable);
  set_timeouts(from);
  co_await from.async_handshake("localhost", "/", use_awaitable);
  beast::flat_buffer bytes;
  ++waiting;
  co_await from.async_read(bytes, use_awaitable);
}

awaitable<void> forever(asio::any_io_executor executor) {
  asio::steady_timer timer(executor, 1h);
  co_await timer.async_wait(use_awaitable);
}
awaitable<void> begins(tcp::socket with) {
  static constexpr std::string_view half = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc";
  co_await asio::async_write(with, asio::buffer(half), use_awaitable);
  co_await forever(with.get_executor());
}
awaitable<void> secures(tcp::socket with) {
  tls peer(std::move(with), without_keys());
  co_await peer.async_handshake(tls::server, use_awaitable);
  co_await forever(peer.get_executor());
}
awaitable<void> upgrades(tcp::socket with) {
  websocket peer(std::move(with));
  set_timeouts(peer);
  co_await peer.async_accept(use_awaitable);
  co_await forever(peer.get_executor());
}
awaitable<void> serves(tcp::acceptor& from, awaitable<void> (*with)(tcp::socket)) {
  for (;;) co_spawn(from.get_executor(), with(co_await from.async_accept(use_awaitable)), asio::detached);
}

}  // namespace

int main() {
  asio::io_context context;
  const tcp::endpoint any(asio::ip::address_v4::loopback(), 0);
  tcp::acceptor silent(context, any), beginning(context, any), securing(context, any), upgrading(context, any);
  at = {silent.local_endpoint(), beginning.local_endpoint(), securing.local_endpoint(), upgrading.local_endpoint()};
  co_spawn(context, serves(beginning, begins), asio::detached);
  co_spawn(context, serves(securing, secures), asio::detached);
  co_spawn(context, serves(upgrading, upgrades), asio::detached);
  const auto all = {reads_message, reads_rest_of_message,  reads_message_of_tls, writes_message, shakes_hands_of_tls,
                    shakes_hands,  shakes_hands_of_stream, shakes_hands_in_time, reads_websocket};
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

// Composed operations of Boost's that have begun with another part than the one that pends now: a websocket session
// that reads and closes, whose peer answers neither; a TLS session that hangs up on one that never says goodbye; a
// stream with a time-out.

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast.hpp>
#include <iostream>
#include <thread>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::awaitable;
using asio::detached;
using asio::use_awaitable;
using asio::ip::tcp;
using stream = websocket::stream<beast::tcp_stream>;
using tls = asio::ssl::stream<tcp::socket>;
using namespace std::chrono_literals;

/// Tells main() that a session is where it is to be looked at.
int waiting = 0;

awaitable<void> forever(asio::any_io_executor executor) {
  asio::steady_timer timer(executor, 1h);
  co_await timer.async_wait(use_awaitable);
}

awaitable<void> silent_peer(tcp::socket socket) {
  stream peer(std::move(socket));
  co_await peer.async_accept(use_awaitable);
  co_await forever(peer.get_executor());
}
awaitable<void> receives(stream& from) {
  beast::flat_buffer message;
  co_await from.async_read(message, use_awaitable);
}
awaitable<void> closes(stream& what) {
  ++waiting;
  co_await what.async_close(websocket::close_code::normal, use_awaitable);
}
awaitable<void> websocket_session(stream& session, tcp::endpoint where) {
  co_await session.next_layer().async_connect(where, use_awaitable);
  co_await session.async_handshake("localhost", "/", use_awaitable);
  co_spawn(session.get_executor(), receives(session), detached);
  co_await asio::post(use_awaitable);
  co_await closes(session);
}

awaitable<void> silent_tls_peer(tls peer) {
  co_await peer.async_handshake(tls::server, use_awaitable);
  co_await forever(peer.get_executor());
}
awaitable<void> hangs_up(tls& session) {
  ++waiting;
  co_await session.async_shutdown(use_awaitable);
}
awaitable<void> tls_session(tls& session, tcp::endpoint where) {
  co_await session.lowest_layer().async_connect(where, use_awaitable);
  co_await session.async_handshake(tls::client, use_awaitable);
  co_await hangs_up(session);
}

awaitable<void> reads_with_time_out(beast::tcp_stream& session, tcp::endpoint where) {
  co_await session.async_connect(where, use_awaitable);
  session.expires_after(1h);
  char bytes[64];
  ++waiting;
  co_await asio::async_read(session, asio::buffer(bytes), use_awaitable);
}

awaitable<void> accepts_websocket(tcp::acceptor& at) {
  co_spawn(at.get_executor(), silent_peer(co_await at.async_accept(use_awaitable)), detached);
}
awaitable<void> accepts_tls(tcp::acceptor& at, asio::ssl::context& keys) {
  co_spawn(at.get_executor(), silent_tls_peer(tls(co_await at.async_accept(use_awaitable), keys)), detached);
}

/// No certificates: what is shown does not depend on them.
void without_keys(asio::ssl::context& context) {
  SSL_CTX_set_max_proto_version(context.native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context.native_handle(), "aNULL:@SECLEVEL=0");
}

}  // namespace

int main() {
  asio::io_context context;
  asio::ssl::context server_keys(asio::ssl::context::tls), client_keys(asio::ssl::context::tls);
  without_keys(server_keys);
  without_keys(client_keys);
  const auto loopback = asio::ip::address_v4::loopback();
  tcp::acceptor for_websocket(context, {loopback, 0}), for_tls(context, {loopback, 0}),
      for_nobody(context, {loopback, 0});
  stream websocket(context);
  tls secured(context, client_keys);
  beast::tcp_stream timed(context);
  co_spawn(context, accepts_websocket(for_websocket), detached);
  co_spawn(context, accepts_tls(for_tls, server_keys), detached);
  co_spawn(context, websocket_session(websocket, for_websocket.local_endpoint()), detached);
  co_spawn(context, tls_session(secured, for_tls.local_endpoint()), detached);
  co_spawn(context, reads_with_time_out(timed, for_nobody.local_endpoint()), detached);
  // A session has begun its last operation when it says so, and its first part is over when nothing is ready any more.
  while (waiting < 3) context.run_one();
  context.poll();
  std::thread runs([&] { context.run(); });
  std::cout << "ready\n"
            << for_websocket.local_endpoint().port() << ' ' << for_tls.local_endpoint().port() << ' '
            << for_nobody.local_endpoint().port() << std::endl;
  while (std::cin.get() != EOF) {
  }
  context.stop();
  runs.join();
}

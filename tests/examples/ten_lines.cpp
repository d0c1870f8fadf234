#include <asio.hpp>

asio::awaitable<void> serve(asio::ip::tcp::acceptor acceptor) {
  for (;;) {
    asio::ip::tcp::socket client = co_await acceptor.async_accept(asio::use_awaitable);
    co_await async_write(client, asio::buffer("hello\n", 6), asio::use_awaitable);
  }
}

int main() {
  asio::io_context io;
  co_spawn(io, serve({io, {asio::ip::address_v4::loopback(), 0}}), asio::detached);
  io.run();
}

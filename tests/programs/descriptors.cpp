// A task for each kind of descriptor that nobody writes to: UDP sockets with and without a peer, unix sockets that were
// shut down, that have a path, and that are two ends of a pair, an eventfd and a timerfd.
//   descriptors PATH     where its unix socket is to be

#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <asio.hpp>
#include <iostream>
#include <string>
#include <thread>

namespace {

using asio::awaitable;
using asio::detached;
using asio::use_awaitable;
using asio::ip::udp;
using datagram = asio::local::datagram_protocol;
using stream = asio::local::stream_protocol;
using descriptor = asio::posix::stream_descriptor;

template <class Socket>
awaitable<void> receive(Socket& from) {
  std::array<char, 64> bytes{};
  co_await from.async_receive(asio::buffer(bytes), use_awaitable);
}

awaitable<void> receives_udp(udp::socket& from) {
  std::array<char, 64> bytes{};
  udp::endpoint sender;
  co_await from.async_receive_from(asio::buffer(bytes), sender, use_awaitable);
}
awaitable<void> receives_connected(udp::socket& from) { co_await receive(from); }
awaitable<void> receives_shut_down(datagram::socket& from) { co_await receive(from); }
awaitable<void> reads_pair(stream::socket& from) { co_await receive(from); }
awaitable<void> writes_pair(stream::socket& to) {
  const std::string much(16u << 20, 'x');
  co_await asio::async_write(to, asio::buffer(much), use_awaitable);
}
awaitable<void> accepts(stream::acceptor& from) { co_await from.async_accept(use_awaitable); }
awaitable<void> waits_for_event(descriptor& from) { co_await from.async_wait(descriptor::wait_read, use_awaitable); }
awaitable<void> waits_for_timer(descriptor& from) { co_await from.async_wait(descriptor::wait_read, use_awaitable); }

}  // namespace

int main(int argc, char** argv) {
  const std::string path = argc > 1 ? argv[1] : "datagrams";
  asio::io_context context;
  const auto loopback = asio::ip::address_v4::loopback();
  udp::socket open(context, udp::endpoint(loopback, 0)), connected(context, udp::endpoint(loopback, 0));
  connected.connect(open.local_endpoint());
  for (const auto& left : {path, path + ".stream"}) ::unlink(left.c_str());  // by one that was killed, and had this pid
  datagram::socket shut(context, datagram::endpoint(path));
  stream::acceptor acceptor(context, stream::endpoint(path + ".stream"));
  stream::socket a(context), b(context), c(context), d(context);
  asio::local::connect_pair(a, b);
  asio::local::connect_pair(c, d);
  descriptor event(context, ::eventfd(0, 0)), timer(context, ::timerfd_create(CLOCK_MONOTONIC, 0));
  co_spawn(context, receives_udp(open), detached);
  co_spawn(context, receives_connected(connected), detached);
  co_spawn(context, receives_shut_down(shut), detached);
  co_spawn(context, accepts(acceptor), detached);
  co_spawn(context, reads_pair(a), detached);
  co_spawn(context, writes_pair(c), detached);
  co_spawn(context, waits_for_event(event), detached);
  co_spawn(context, waits_for_timer(timer), detached);
  while (context.poll() != 0) {
  }
  std::error_code ignored;
  shut.shutdown(datagram::socket::shutdown_both, ignored);  // which wakes nobody
  std::cout << "ready\n"
            << open.local_endpoint().port() << ' ' << connected.local_endpoint().port() << ' ' << b.native_handle()
            << ' ' << d.native_handle() << std::endl;
  while (std::cin.get() != EOF) {
  }
  ::unlink(path.c_str());
  ::unlink((path + ".stream").c_str());
}

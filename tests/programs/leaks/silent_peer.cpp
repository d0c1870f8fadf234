// verdict: old
/// A session reads from a peer that says nothing and does not leave. Fixed: a time limit.

#include "program.hpp"

namespace leaks::silent_peer {
namespace {

awaitable<void> session(tcp::socket peer) {
  std::array<char, 256> line{};
  co_await peer.async_read_some(asio::buffer(line), no_throw);
}

awaitable<void> session_with_limit(tcp::socket peer) {
  asio::steady_timer limit(peer.get_executor(), 1ms);
  std::array<char, 256> line{};
  co_await (peer.async_read_some(asio::buffer(line), no_throw) || limit.async_wait(use_awaitable));
}

awaitable<void> serve_silent_peer(form chosen) {
  static std::vector<tcp::socket> peers;
  const auto executor = co_await this_coro::executor;
  tcp::acceptor acceptor(executor, {asio::ip::address_v4::loopback(), 0});
  peers.emplace_back(executor).connect(acceptor.local_endpoint());
  tcp::socket accepted = acceptor.accept();
  if (chosen == form::fixed) {
    co_await session_with_limit(std::move(accepted));
  } else {
    co_spawn(executor, session(std::move(accepted)), detached);
  }
}

const program self{"leak_silent_peer", serve_silent_peer, {"socket", "old", {{1, "session"}}}};

}  // namespace
}  // namespace leaks::silent_peer

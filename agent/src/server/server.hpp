#pragma once

/// The agent's thread: accepts readers, lets each ask, and advances the coarse clock.
///
///   accept ──> session (one a connection) ──> answer ──> …
///   tick   ──> root::tick of every object; closes what has passed its deadline
///
/// Everything runs on one thread. No reader waits for another: writes are asynchronous, walks pause.

#include "server/own_asio.hpp"

#include <chrono>
#include <list>

#include "server/process_vitals.hpp"
#include "server/serve.hpp"
#include "server/session.hpp"

namespace tasks::detail {

class server {
 public:
  /// Throws asio::system_error, std::bad_alloc.
  explicit server(serve_shared& shared);
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// Until the owner asks to stop.
  void run();

 private:
  [[nodiscard]] asio::awaitable<void> accept_connections();
  [[nodiscard]] asio::awaitable<void> advance_clock();
  void accept_one(int fd);
  [[nodiscard]] std::atomic<int>* free_place() noexcept;
  void refuse(int fd) const;
  void watch_stop();
  /// Nobody wants it any longer: nothing is timed from now on.
  void end_timing_unless_wanted() noexcept;
  void store_clock(std::chrono::milliseconds resolution) noexcept;
  [[nodiscard]] bool watched(session::clock::time_point now) const noexcept;

  serve_shared& shared_;
  cpu_quota quota_;
  timing_switch timing_;
  asio::io_context io_{1};
  asio::local::stream_protocol::acceptor acceptor_;
  asio::posix::stream_descriptor stop_;
  asio::steady_timer tick_;
  asio::steady_timer pause_;  ///< after accept has failed
  std::list<session> sessions_;
  session::clock::time_point last_client_ = session::clock::time_point::min();
};

}  // namespace tasks::detail

#pragma once

/// The agent's thread: accepts readers, lets each ask, and advances the coarse clock.
///
///   poll(2) ──> accept ──> session (one a connection) ──> answer ──> …
///       └─────> tick: root::tick, the deadlines of sessions, memory that nobody needs
///
/// Everything runs on one thread. No reader waits for another: writes are asynchronous, walks pause.

#include <poll.h>

#include <array>
#include <chrono>
#include <list>

#include "server/arena.hpp"
#include "server/serve.hpp"
#include "server/session.hpp"

namespace tasks::detail {

class server {
 public:
  using clock = session::clock;

  server(serve_shared& shared, const cpu_quota& quota, timing_switch& timing, arena& memory) noexcept;
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// Until the owner asks to stop: 0; else why it cannot go on, an errno.
  [[nodiscard]] int run();

 private:
  static constexpr std::size_t own = 2;  ///< descriptors that are polled besides those of sessions
  using polled = std::array<pollfd, own + serve_shared::most_connections>;

  /// Fills in what is waited for; how many there are.
  [[nodiscard]] std::size_t gather(polled& all) const noexcept;
  [[nodiscard]] std::chrono::nanoseconds time_left(clock::time_point now) const noexcept;
  /// The program allows itself fewer descriptors than are polled (RLIMIT_NOFILE, see poll(2)): ends the newest session,
  /// or, if there is none, waits for the next tick.
  void poll_fewer();
  /// Each session once that need not wait any longer, as poll(2) says.
  void go_on_with(const polled& all);
  void end_session(std::list<session>::iterator at);
  void accept_one();
  void admit(descriptor fd);
  [[nodiscard]] std::atomic<int>* free_place() noexcept;
  void refuse(int fd) const;
  void tick(clock::time_point now) noexcept;
  /// Nobody wants it any longer: nothing is timed from now on.
  void end_timing_unless_wanted(clock::time_point now) noexcept;
  void store_clock(std::chrono::milliseconds resolution) noexcept;
  [[nodiscard]] bool watched(clock::time_point now) const noexcept;

  serve_shared& shared_;
  const cpu_quota& quota_;
  timing_switch& timing_;
  arena& memory_;
  int listen_fd_;  ///< -1: it is closed, by a program whose table of descriptors this thread shares
  int stop_fd_;    ///< likewise
  clock::time_point next_tick_ = clock::time_point::min();
  clock::time_point accept_again_ = clock::time_point::min();  ///< after accept has failed
  clock::time_point last_client_ = clock::time_point::min();
  std::list<session> sessions_;
};

}  // namespace tasks::detail

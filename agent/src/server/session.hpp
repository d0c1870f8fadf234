#pragma once

/// One reader's connection: Hello, then requests and their answers, until it leaves or a deadline passes.

#include "server/own_asio.hpp"

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>

#include "cpu_quota.hpp"
#include "server/serve.hpp"
#include "server/timing_switch.hpp"
#include "server/wire.hpp"

namespace tasks::detail {

class session {
 public:
  using clock = std::chrono::steady_clock;

  static constexpr auto read_deadline = std::chrono::seconds(10);  ///< for a whole request
  static constexpr auto write_deadline = std::chrono::seconds(5);  ///< without progress
  static constexpr auto longest_lease = std::chrono::seconds(60);  ///< of timing

  /// `fd_place` holds the socket's descriptor while it is open, -1 afterwards.
  session(const serve_shared& shared, const cpu_quota& quota, timing_switch& timing,
          asio::local::stream_protocol::socket socket, std::atomic<int>& fd_place) noexcept;
  ~session();
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  /// Throws std::bad_alloc.
  [[nodiscard]] asio::awaitable<void> run();
  /// Ends it, if it has waited too long.
  void expire(clock::time_point now) noexcept;
  /// Has the reader closed its end, so that nothing more can come of it?
  [[nodiscard]] bool departed() const noexcept;
  void close() noexcept;
  [[nodiscard]] bool wants_timing(clock::time_point now) const noexcept { return now < timed_until_; }

 private:
  enum class received { message, closed, too_large, malformed };

  /// Reads the next message into input_, [begin, end) is its text.
  [[nodiscard]] asio::awaitable<received> receive(std::string_view& message);
  /// False: the reader has gone, or does not read.
  [[nodiscard]] asio::awaitable<bool> send(std::string_view data);
  [[nodiscard]] asio::awaitable<bool> answer(std::string_view message);
  [[nodiscard]] asio::awaitable<bool> answer_vitals(const wire::request& ask);
  [[nodiscard]] asio::awaitable<bool> answer_each(const wire::request& ask);
  [[nodiscard]] asio::awaitable<bool> answer_grouped(const wire::request& ask);
  [[nodiscard]] asio::awaitable<bool> answer_timing(const wire::request& ask);
  /// What is left in `out`, and the trailer: a reader that is woken once is quicker than one that is woken twice.
  [[nodiscard]] asio::awaitable<bool> send_last(wire::chunk_writer& out, const wire::trailer& end);
  /// Failures first. `times` by the groups' numbers; empty: they were not asked for. The last of them stay in `out`.
  [[nodiscard]] asio::awaitable<bool> send_groups(wire::chunk_writer& out, stack_groups& groups,
                                                  std::span<const failure_copy> failures,
                                                  std::span<const task_times> times, std::uint64_t limit,
                                                  wire::trailer& end);
  /// What was timed of tasks that have ended. The last of it stays in `out`.
  [[nodiscard]] asio::awaitable<bool> send_ended_times(wire::chunk_writer& out);
  [[nodiscard]] wire::timing_state state_of_timing() const noexcept;
  /// Lets others run.
  [[nodiscard]] asio::awaitable<void> yield();

  const serve_shared& shared_;
  const cpu_quota& quota_;
  timing_switch& timing_;
  clock::time_point timed_until_ = clock::time_point::min();
  asio::local::stream_protocol::socket socket_;
  std::atomic<int>& fd_place_;
  clock::time_point deadline_ = clock::time_point::max();
  std::string input_;         ///< what was received and not yet answered
  std::size_t consumed_ = 0;  ///< of input_: the message that is being answered
};

}  // namespace tasks::detail

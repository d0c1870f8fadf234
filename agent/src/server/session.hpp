#pragma once

/// One reader's connection: Hello, then requests and their answers, until it leaves or a deadline passes.
///
///   server ──go_on()──> run() … co_await ──> wants(), until() ──> poll(2) ──> go_on() …

#include <poll.h>

#include <atomic>
#include <chrono>
#include <coroutine>
#include <string>
#include <string_view>

#include "cpu_quota.hpp"
#include "descriptor.hpp"
#include "server/async.hpp"
#include "server/serve.hpp"
#include "server/timing_switch.hpp"
#include "server/wire.hpp"

namespace tasks::detail {

class session {
 public:
  using clock = monotonic_clock;

  static constexpr auto read_deadline = std::chrono::seconds(10);  ///< for a whole request
  static constexpr auto write_deadline = std::chrono::seconds(5);  ///< without progress
  static constexpr auto longest_lease = std::chrono::seconds(60);  ///< of timing

  /// `fd_place` holds the descriptor of the socket, which does not block, while it is open, -1 afterwards.
  session(const serve_shared& shared, const cpu_quota& quota, timing_switch& timing, descriptor socket,
          std::atomic<int>& fd_place);
  ~session();
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  /// Goes on until it waits again, or is over.
  void go_on() { std::exchange(waiting_, nullptr).resume(); }
  [[nodiscard]] bool is_over() const noexcept { return run_.is_over(); }
  /// What it waits for: events of its socket, 0: none; or that moment, if it comes before.
  [[nodiscard]] pollfd wants() const noexcept {
    return {.fd = events_ != 0 ? socket_.get() : -1, .events = events_, .revents = 0};
  }
  [[nodiscard]] clock::time_point until() const noexcept { return until_; }
  [[nodiscard]] bool is_closed() const noexcept { return !socket_; }

  /// Closes it, if it has waited too long.
  void expire(clock::time_point now) noexcept;
  /// Has the reader closed its end, so that nothing more can come of it?
  [[nodiscard]] bool departed() const noexcept;
  /// It is over when it goes on.
  void close() noexcept;
  [[nodiscard]] bool wants_timing(clock::time_point now) const noexcept { return now < timed_until_; }

 private:
  enum class received { message, closed, too_large, malformed };

  /// Reads the next message into input_, [begin, end) is its text.
  async<received> receive(std::string_view& message);
  /// False: the reader has gone, or does not read.
  async<bool> send(std::string_view data);
  async<bool> answer(std::string_view message);
  async<bool> answer_vitals(const wire::request& ask);
  async<bool> answer_each(const wire::request& ask);
  async<bool> answer_grouped(const wire::request& ask);
  async<bool> answer_timing(const wire::request& ask);
  /// What is left in `out`, and the trailer: a reader that is woken once is quicker than one that is woken twice.
  async<bool> send_last(wire::chunk_writer& out, const wire::trailer& end);
  /// Failures first. `times` by the groups' numbers; empty: they were not asked for. The last of them stay in `out`.
  async<bool> send_groups(wire::chunk_writer& out, stack_groups& groups, std::span<const failure_copy> failures,
                          std::span<const task_times> times, std::uint64_t limit, wire::trailer& end);
  /// What was timed of tasks that have ended. The last of it stays in `out`.
  async<bool> send_ended_times(wire::chunk_writer& out);
  [[nodiscard]] wire::timing_state state_of_timing() const noexcept;
  /// Lets others run.
  async<void> yield();

  struct wait {
    session& of;
    short events;
    clock::time_point until;
    static bool await_ready() noexcept { return false; }
    void await_suspend(std::coroutine_handle<> here) const noexcept {
      of.events_ = events;
      of.until_ = until;
      of.waiting_ = here;
    }
    static void await_resume() noexcept {}
  };
  [[nodiscard]] wait wait_for(short events) noexcept { return {*this, events, clock::time_point::max()}; }
  [[nodiscard]] wait wait_until(clock::time_point until) noexcept { return {*this, 0, until}; }
  async<void> run();

  const serve_shared& shared_;
  const cpu_quota& quota_;
  timing_switch& timing_;
  clock::time_point timed_until_ = clock::time_point::min();
  descriptor socket_;
  std::atomic<int>& fd_place_;
  clock::time_point deadline_ = clock::time_point::max();
  std::string input_;         ///< what was received and not yet answered
  std::size_t consumed_ = 0;  ///< of input_: the message that is being answered
  // What it waits for.
  short events_ = 0;
  clock::time_point until_ = clock::time_point::min();
  std::coroutine_handle<> waiting_;
  async<void> run_;
};

}  // namespace tasks::detail

#pragma once

/// Whose turn it is to look at a process: once a second at most, whoever wants to and for whatever.
///
///   a snapshot for views ──wait_for──> turn_queue, in the order in which they came ──> `tasks record`
///   counts and groups    ──take──────> a turn that is free ──> its agent is asked; else the snapshot tells, or
///                                                              what was counted last

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>

namespace tasks::cli {

/// Of one process. Knows no clock: it is told what time it is, and sleeps for nobody.
class turn_queue {
 public:
  using time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds apart{1};

  /// True: the turn is the caller's, who does not wait. False: somebody has had one within the last second, or waits.
  [[nodiscard]] bool take(time now);
  /// A place behind all who wait.
  [[nodiscard]] std::uint64_t join() { return joined_++; }
  /// True: the turn is that place's, which is over. False: it is not yet, since others are before it, or it is too
  /// soon.
  [[nodiscard]] bool take(std::uint64_t place, time now);
  [[nodiscard]] bool is_first(std::uint64_t place) const { return place == served_; }
  [[nodiscard]] bool is_empty() const { return joined_ == served_; }
  /// When the next turn is. Long ago: there was none yet.
  [[nodiscard]] time next() const { return next_; }

 private:
  [[nodiscard]] bool is_due(time now) const { return now >= next_; }

  time next_{};
  std::uint64_t joined_ = 0, served_ = 0;  ///< places from 0
};

/// For any number of threads at once.
class look_turns {
 public:
  using clock = std::chrono::steady_clock;
  static constexpr auto apart = turn_queue::apart;

  /// True: it is the caller's, now. False: somebody has looked within the last second, or waits to look.
  [[nodiscard]] bool take(pid_t pid);
  /// Sleeps until it is the caller's, who is behind all who wait already: a second for each of them.
  void wait_for(pid_t pid);
  /// Those of a minute ago.
  void forget_old();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;  ///< somebody has had a turn
  std::map<pid_t, turn_queue> turns_;
};

}  // namespace tasks::cli

#pragma once

/// Whose turn it is to look at a process: once a second at most, whoever wants to and for whatever.
///
///   a snapshot for views ──wait_for──> turn ──> `tasks record`
///   counts and groups    ──take──────> turn ──> its agent is asked; else the snapshot tells, or what was counted last

#include <sys/types.h>

#include <chrono>
#include <map>
#include <mutex>

namespace tasks::cli {

/// For any number of threads at once.
class look_turns {
 public:
  using clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds apart{1};

  /// True: it is the caller's, now. False: somebody has looked within the last second, or waits to look.
  [[nodiscard]] bool take(pid_t pid);
  /// Sleeps until it is the caller's.
  void wait_for(pid_t pid);
  /// Those of a minute ago.
  void forget_old();

 private:
  struct turn {
    clock::time_point last;
    unsigned waiting = 0;  ///< who sleeps until it is theirs
  };
  /// With `mutex_` held.
  turn& turn_of(pid_t pid);

  std::mutex mutex_;
  std::map<pid_t, turn> turns_;
};

}  // namespace tasks::cli

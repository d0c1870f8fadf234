#pragma once

#include <signal.h>

#include <chrono>

namespace tasks::cli {

/// While this lives, signals that would end the program wait until somebody asks for them: what was begun is ended as
/// it should be. Only in the thread that has made it, and in those that it starts.
class held_signals {
 public:
  /// What else waits: nothing, or all that can be held, so that nothing stops us while we have stopped somebody.
  enum class besides { none, all };
  explicit held_signals(besides more = besides::none);
  held_signals(const held_signals&) = delete;
  held_signals& operator=(const held_signals&) = delete;
  ~held_signals();

  /// Sleeps. True: one of those that would end the program has come.
  [[nodiscard]] bool wait_until(std::chrono::steady_clock::time_point until) const;

 private:
  sigset_t ends_{}, before_{};
};

}  // namespace tasks::cli

#pragma once

/// The agent's thread: a bare one where there can be one, else a pthread. All signals are blocked on it.

#include <pthread.h>

#include "agent/bare_thread.hpp"
#include "server/serve.hpp"

namespace tasks::detail {

class serving_thread {
 public:
  /// Runs tasks_serve(), and waits until that has begun. Returns 0 or an errno: it does not run.
  [[nodiscard]] int start(serve_shared& shared) noexcept;
  /// Waits for its end. Precondition: it was started.
  void join() noexcept;

 private:
  [[nodiscard]] int create(serve_shared& shared) noexcept;
  /// It has ended, and need not be joined any more.
  [[nodiscard]] bool has_ended() noexcept;

  bare_thread bare_;
  pthread_t thread_{};
  bool is_bare_ = false;
};

}  // namespace tasks::detail

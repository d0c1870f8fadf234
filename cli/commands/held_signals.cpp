#include "commands/held_signals.hpp"

#include <time.h>

#include <algorithm>

namespace tasks::cli {

held_signals::held_signals(besides more) {
  ::sigemptyset(&ends_);
  for (const int each : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&ends_, each);
  sigset_t held = ends_;
  if (more == besides::all) ::sigfillset(&held);
  ::pthread_sigmask(SIG_BLOCK, &held, &before_);
}

held_signals::~held_signals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

bool held_signals::wait_until(std::chrono::steady_clock::time_point until) const {
  using clock = std::chrono::steady_clock;
  for (;;) {
    const auto left = std::max(until - clock::now(), clock::duration::zero());
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(left);
    const timespec time{whole.count(), static_cast<long>((left - whole) / std::chrono::nanoseconds(1))};
    if (::sigtimedwait(&ends_, nullptr, &time) > 0) return true;
    if (clock::now() >= until) return false;
  }
}

}  // namespace tasks::cli

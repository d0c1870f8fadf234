#include "serve/look_turns.hpp"

#include <thread>

namespace tasks::cli {
namespace {

constexpr std::chrono::minutes turns_kept_for{1};

}  // namespace

look_turns::turn& look_turns::turn_of(pid_t pid) {
  return turns_.try_emplace(pid, turn{clock::now() - apart, 0}).first->second;
}

bool look_turns::take(pid_t pid) {
  const std::lock_guard hold(mutex_);
  auto& its = turn_of(pid);
  const auto now = clock::now();
  // Who waits would wait for ever behind who comes each second.
  if (its.waiting != 0 || now - its.last < apart) return false;
  its.last = now;
  return true;
}

void look_turns::wait_for(pid_t pid) {
  std::unique_lock hold(mutex_);
  ++turn_of(pid).waiting;
  for (;;) {
    auto& its = turn_of(pid);
    const auto now = clock::now();
    if (now - its.last >= apart) {
      its.last = now;
      --its.waiting;
      return;
    }
    const auto left = its.last + apart - now;
    hold.unlock();
    std::this_thread::sleep_for(left);
    hold.lock();
  }
}

void look_turns::forget_old() {
  const std::lock_guard hold(mutex_);
  std::erase_if(turns_, [now = clock::now()](const auto& each) {
    return each.second.waiting == 0 && now - each.second.last > turns_kept_for;
  });
}

}  // namespace tasks::cli

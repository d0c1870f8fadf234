#include "serve/look_turns.hpp"

namespace tasks::cli {
namespace {

constexpr std::chrono::minutes turns_kept_for{1};

}  // namespace

bool turn_queue::take(time now) {
  // Who waits would wait for ever behind who comes each second.
  if (!is_empty() || !is_due(now)) return false;
  next_ = now + apart;
  return true;
}

bool turn_queue::take(std::uint64_t place, time now) {
  if (!is_first(place) || !is_due(now)) return false;
  ++served_;
  next_ = now + apart;
  return true;
}

bool look_turns::take(pid_t pid) {
  const std::lock_guard hold(mutex_);
  return turns_[pid].take(clock::now());
}

void look_turns::wait_for(pid_t pid) {
  std::unique_lock hold(mutex_);
  auto& its = turns_[pid];  // stays where it is, as long as anybody waits
  const auto place = its.join();
  while (!its.take(place, clock::now())) {
    if (its.is_first(place))
      changed_.wait_until(hold, its.next());
    else
      changed_.wait(hold);
  }
  // Whoever is behind is first now.
  changed_.notify_all();
}

void look_turns::forget_old() {
  const std::lock_guard hold(mutex_);
  std::erase_if(turns_, [now = clock::now()](const auto& each) {
    return each.second.is_empty() && now - each.second.next() > turns_kept_for;
  });
}

}  // namespace tasks::cli

#pragma once

/// One look for all who ask at about the same time.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace tasks::cli {

template <class Seen>
class shared_look {
 public:
  using clock = std::chrono::steady_clock;
  struct looked {
    Seen seen;
    clock::time_point at;       ///< when it was begun
    std::uint64_t version = 0;  ///< which look it is, from 1
  };

  explicit shared_look(std::function<Seen()> look) : look_(std::move(look)) {}

  /// The last look if it was begun no longer ago than that; else one that is made now, by whoever asks first, while the
  /// others wait.
  std::shared_ptr<const looked> get(clock::duration most_age) {
    std::unique_lock hold(mutex_);
    for (;;) {
      if (last_ && clock::now() - last_->at <= most_age) return last_;
      if (!is_looking_) break;
      // Who has waited takes what comes, even if the look took longer than it may be old.
      const auto before = last_;
      changed_.wait(hold, [&] { return !is_looking_; });
      if (last_ != before) return last_;
    }
    is_looking_ = true;
    hold.unlock();
    const auto begun = clock::now();
    auto made = std::make_shared<looked>(looked{look_(), begun, 0});
    hold.lock();
    made->version = ++looks_;
    last_ = std::move(made);
    is_looking_ = false;
    changed_.notify_all();
    return last_;
  }

  /// The last one, however old it is. Null: there was none yet.
  std::shared_ptr<const looked> last() {
    const std::lock_guard hold(mutex_);
    return last_;
  }

 private:
  std::function<Seen()> look_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<const looked> last_;
  std::uint64_t looks_ = 0;
  bool is_looking_ = false;
};

}  // namespace tasks::cli

#pragma once

/// A thread that asks a feed one question after the other, so that nobody waits for a target who waits for keys.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "top/feed.hpp"

namespace tasks::cli {

class asker {
 public:
  /// `from` is used by the thread alone, until this ends.
  explicit asker(feed& from);
  asker(const asker&) = delete;
  asker& operator=(const asker&) = delete;
  /// Waits for the question that is being asked.
  ~asker();

  /// Can be read when there is an answer.
  [[nodiscard]] int descriptor() const noexcept { return ready_; }
  /// Precondition: it is idle.
  void ask(feed_question question);
  /// Nothing: there is none yet, or none was asked for.
  std::optional<feed_answer> take_answer();
  [[nodiscard]] bool is_idle();

 private:
  void run();

  feed& from_;
  int ready_;  ///< eventfd(2)
  std::mutex lock_;
  std::condition_variable wake_;
  std::optional<feed_question> question_;
  std::optional<feed_answer> answer_;
  bool is_idle_ = true, ends_ = false;
  std::thread thread_;
};

}  // namespace tasks::cli

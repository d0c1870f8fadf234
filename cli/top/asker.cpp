#include "top/asker.hpp"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <utility>

namespace tasks::cli {

/// Signals are for the thread that has the terminal.
asker::asker(feed& from) : from_(from), ready_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

asker::~asker() {
  {
    const std::scoped_lock held(lock_);
    ends_ = true;
  }
  wake_.notify_one();
  thread_.join();
  ::close(ready_);
}

void asker::ask(feed_question question) {
  {
    const std::scoped_lock held(lock_);
    question_ = std::move(question);
    is_idle_ = false;
  }
  wake_.notify_one();
}

std::optional<feed_answer> asker::take_answer() {
  std::uint64_t times = 0;
  static_cast<void>(::read(ready_, &times, sizeof times));
  const std::scoped_lock held(lock_);
  return std::exchange(answer_, std::nullopt);
}

bool asker::is_idle() {
  const std::scoped_lock held(lock_);
  return is_idle_ && !answer_;
}

void asker::run() {
  std::unique_lock held(lock_);
  for (;;) {
    wake_.wait(held, [this] { return ends_ || question_; });
    if (ends_) return;
    const auto question = *std::exchange(question_, std::nullopt);
    held.unlock();
    feed_answer answer;
    const auto begin = std::chrono::steady_clock::now();
    try {
      answer = from_.ask(question);
    } catch (const std::exception& e) {
      answer.why_not = error{error_code::system, "top", e.what(), ""};
    }
    answer.to = question;
    answer.took_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
    held.lock();
    answer_ = std::move(answer);
    is_idle_ = true;
    constexpr std::uint64_t once = 1;
    static_cast<void>(::write(ready_, &once, sizeof once));
  }
}

}  // namespace tasks::cli

/// An io_context with static storage that is destroyed at exit while threads still use what its service owns: the
/// process does not end. It would as soon as a system call of a certain thread returned EINTR. Its tasks are another
/// context's, and wait for a timer, and on a channel that data leads to.

#include <sys/epoll.h>
#include <asio.hpp>
#include <asio/experimental/channel.hpp>

#include <chrono>
#include <condition_variable>
#include <future>
#include <iostream>
#include <mutex>
#include <thread>

namespace exiting {

using channel = asio::experimental::channel<void(asio::error_code, int)>;

/// Its destructor waits until nobody waits for the flag any more, as glibc's condition variables do.
class flag final : public asio::execution_context::service {
 public:
  static inline asio::execution_context::id id;
  explicit flag(asio::execution_context& owner) : service(owner) {}

  void wait() {
    std::unique_lock lock(mutex_);
    ++waiters_;
    begun_.notify_one();
    set_.wait(lock, [&] { return is_set_; });
  }
  void wait_for_waiters(int count) {
    std::unique_lock lock(mutex_);
    begun_.wait(lock, [&] { return waiters_ == count; });
  }
  void set() {
    const std::lock_guard lock(mutex_);
    is_set_ = true;
    set_.notify_all();
  }

 private:
  void shutdown() override {}

  std::mutex mutex_;
  std::condition_variable begun_;
  int waiters_ = 0;
  bool is_set_ = false;
  std::condition_variable set_;
};

asio::io_context& context() {
  static asio::io_context made;
  return made;
}

asio::awaitable<void> beat() {
  for (;;) {
    asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours(1));
    co_await timer.async_wait(asio::use_awaitable);
  }
}

asio::awaitable<void> take(channel& from) { co_await from.async_receive(asio::use_awaitable); }

/// A thread that is in its run() when this returns, and stays.
void run_by_a_thread(asio::io_context& its) {
  std::promise<void> begun;
  post(its, [&] { begun.set_value(); });
  std::thread([&its] {
    const auto guard = asio::make_work_guard(its);
    its.run();
  }).detach();
  begun.get_future().wait();
}

/// Waits for an event that never comes, and lets the process end if it is woken all the same.
void end_when_interrupted(flag& its) {
  epoll_event event{};
  ::epoll_wait(::epoll_create1(0), &event, 1, -1);
  its.set();
}

void run() {
  auto& hung = use_service<flag>(context());
  for (int i = 0; i < 2; ++i) std::thread([&] { hung.wait(); }).detach();
  std::thread([&] { end_when_interrupted(hung); }).detach();

  static auto* const work = new asio::io_context;   // never destroyed
  static auto* const jobs = new channel(*work, 0);  // neither
  for (int i = 0; i < 2; ++i) co_spawn(*work, beat(), asio::detached);
  co_spawn(*work, take(*jobs), asio::detached);
  run_by_a_thread(*work);

  hung.wait_for_waiters(2);
  std::cout << "ready" << std::endl;
}

}  // namespace exiting

int main() { exiting::run(); }

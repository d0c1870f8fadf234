// The two parts of host_libraries, from one source: `net` is the Asio, `net_error` its error_code.
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

#include "host_libraries.hpp"

namespace {

class part : public host_part {
 public:
  part() {
    for (int i = 0; i < tasks; ++i) net::co_spawn(context_, receive(), net::detached);
    net::co_spawn(context_, signalled(), net::detached);
    thread_ = std::thread([this] { context_.run(); });
  }
  ~part() override {
    context_.stop();
    thread_.join();
  }

  int work() override {
    {
      const std::lock_guard hold(mutex_);
      arrived_ = 0;
    }
    for (int i = 0; i < tasks; ++i)
      net::post(context_, [this] { channel_.async_send(net_error(), i_, [](net_error) {}); });
    std::raise(HOST_SIGNAL);
    std::unique_lock hold(mutex_);
    changed_.wait(hold, [this] { return arrived_ == tasks + 1; });
    return ++rounds_;
  }

 private:
  static constexpr int tasks = 10;

  net::awaitable<int> next() { co_return co_await channel_.async_receive(net::use_awaitable); }
  net::awaitable<void> receive() {
    for (;;) {
      co_await next();
      arrive();
    }
  }
  net::awaitable<void> signalled() {
    for (;;) {
      co_await signals_.async_wait(net::use_awaitable);
      arrive();
    }
  }
  void arrive() {
    const std::lock_guard hold(mutex_);
    ++arrived_;
    changed_.notify_one();
  }

  net::io_context context_;
  net::experimental::concurrent_channel<void(net_error, int)> channel_{context_, 0};
  net::signal_set signals_{context_, HOST_SIGNAL};
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int arrived_ = 0;
  int rounds_ = 0;
  int i_ = 1;
};

}  // namespace

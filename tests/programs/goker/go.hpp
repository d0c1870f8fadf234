#pragma once

/// What the programs of this folder share. Each has the communication pattern of one bug of GoBench's GoKer kernels
/// (Yuan et al., CGO 2021), named PROJECT_NUMBER after the pull request that mended it, rebuilt with Asio's channels.
/// Go's context, and closing a channel to tell everybody, are an `event`.

#include "../leaks/program.hpp"

namespace goker {

using namespace leaks;

/// A lock for tasks: a channel of one place. Who waits for it waits in the function that calls lock().
class mutex {
 public:
  explicit mutex(const any_io_executor& executor) : taken_(executor, 1) {}
  [[nodiscard]] awaitable<void> lock() { return taken_.async_send(ok, nothing{}, use_awaitable); }
  void unlock() {
    taken_.try_receive([](error_code, nothing) {});
  }

 private:
  channel<nothing> taken_;
};

/// Waits until done() was called as often as it was told when made. For one waiter or many.
class wait_group {
 public:
  wait_group(const any_io_executor& executor, int count) : left_(count), none_left_(executor) {}
  void done() {
    if (--left_ == 0) none_left_.close();
  }
  [[nodiscard]] auto wait() { return none_left_.async_receive(no_throw); }

 private:
  int left_;
  event none_left_;
};

/// Lets every other task run that can.
[[nodiscard]] inline auto yield(const any_io_executor& executor) { return asio::post(executor, use_awaitable); }

}  // namespace goker

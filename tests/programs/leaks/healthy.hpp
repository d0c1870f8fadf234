#pragma once

/// What the healthy look-alikes share: tasks that wait exactly as leaked ones do, for something that is still held by
/// whatever the look-alike is named after, and nowhere else but in their own frames.
///
///   PROGRAM NAME  prints what program.hpp says, with `verdict: none` and `leaked: 0`
///
/// A line of input wakes the tasks through their holder; when all have ended it prints `tasks: 0` and `ready`.

#include <atomic>
#include <cstdint>
#include <future>

#include "program.hpp"

namespace leaks {

struct look_alike {
  std::string_view name;
  void (*start)(asio::io_context& io);
  /// Called while nobody runs the io_context.
  void (*wake)();
  int tasks = 1;
};

/// main() of such a program.
int run(int argc, char** argv, std::span<const look_alike> all);

/// In the frame of every task: it has not ended.
struct counted {
  counted() noexcept { ++live; }
  ~counted() { --live; }
  counted(const counted&) = delete;
  counted& operator=(const counted&) = delete;
  static std::atomic<int> live;
};

struct pool {
  explicit pool(const any_io_executor& executor) : jobs(executor) {}
  std::array<char, 200> name{};
  concurrent_channel<int> jobs;
};

/// Waits for jobs; ends when there will be no more.
awaitable<void> idle(std::shared_ptr<pool> work);
awaitable<void> idle_in(pool& work);

/// A pool with one idle task, whose frame owns it. Not inlined: what it leaves on the stack is below its caller.
[[gnu::noinline]] std::shared_ptr<pool> make_pool(asio::io_context& io);

/// The complement of such a pool's address: no pointer to it.
[[gnu::noinline]] std::uintptr_t make_hidden(asio::io_context& io);
void close_hidden(std::uintptr_t address);

/// Where a thread waits until wake() opens it.
class gate {
 public:
  gate();
  /// Starts a thread that runs `hold` and returns when that has arrived here.
  void start(asio::io_context& io, void (*hold)(asio::io_context& io));
  /// The thread has what it is to hold.
  void arrive();
  /// arrive(), and wait until it is opened.
  void wait();
  void open() const;
  /// Readable when it is opened.
  [[nodiscard]] int descriptor() const { return pipe_[0]; }

 private:
  std::array<int, 2> pipe_{};
  std::promise<void> arrived_;
};

}  // namespace leaks

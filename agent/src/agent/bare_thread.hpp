#pragma once

/// A thread that libc does not know of.
///
///   ┌ guard ┬ stack … ┬ thread-local variables, as they begin ┬ thread descriptor: zeros, and what code looks for ┐
///                                                             └─ fs
///
/// pthread_create(3) has glibc and libstdc++ believe for good that the program has several threads: malloc(3),
/// pthread_mutex_lock(3) and shared_ptr then use atomic operations, of which a channel has dozens. This one is made
/// by clone(2), and the program stays single-threaded for them. So whatever it calls must neither allocate by malloc,
/// nor lock, open streams, throw, or touch a thread-local variable of a library that was loaded later: the server's
/// object does not, tests/agent/symbols.cmake.

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace tasks::detail {

class bare_thread {
 public:
  bare_thread() noexcept = default;
  bare_thread(const bare_thread&) = delete;
  bare_thread& operator=(const bare_thread&) = delete;

  /// Can there be one in this process? Not with sanitizers, nor elsewhere than on x86-64 with glibc and libstdc++. Nor
  /// with privileges, unless `forced`: glibc tells all threads that it knows of when the program drops them (setuid(2)
  /// is of one thread alone), and this one would keep them.
  [[nodiscard]] static bool is_possible(bool forced) noexcept;

  /// On a thread of libc's, with all signals blocked. Returns 0 or an errno.
  [[nodiscard]] int start(void (*run)(void*), void* argument) noexcept;
  [[nodiscard]] bool has_ended() const noexcept { return lives_.load(std::memory_order_acquire) == 0; }
  /// Waits for its end, and unmaps what it stood on. Precondition: it was started.
  void join() noexcept;

 private:
  static int begin(void* self) noexcept;

  void (*run_)(void*) = nullptr;
  void* argument_ = nullptr;
  void* mapped_ = nullptr;
  std::size_t size_ = 0;
  /// 1 while there is one. Cleared by the kernel when it has ended, which wakes who waits for it.
  std::atomic<std::uint32_t> lives_{0};
};

}  // namespace tasks::detail

#pragma once

/// Coroutines of the agent's thread.
///
///   session::run ──co_await──> answer ──co_await──> send ──co_await──> waiting (until the server resumes it)
///
/// They begin when they are awaited, pass on what is thrown (with libc++ alone), and are destroyed by who holds them.
/// Only sessions are resumed from outside; nothing here knows of sockets or threads.

#include <coroutine>
#include <utility>

namespace tasks::detail {

template <class T>
class async_result {
 public:
  void return_value(T value) noexcept { value_ = std::move(value); }
  [[nodiscard]] T take() noexcept { return std::move(value_); }

 private:
  T value_{};
};
template <>
class async_result<void> {
 public:
  void return_void() noexcept {}
  void take() noexcept {}
};

template <class T>
class [[nodiscard]] async {
 public:
  struct promise_type;
  using handle = std::coroutine_handle<promise_type>;

  struct at_end {
    static bool await_ready() noexcept { return false; }
    static std::coroutine_handle<> await_suspend(handle ended) noexcept { return ended.promise().caller; }
    static void await_resume() noexcept {}
  };
  struct promise_type : async_result<T> {
    std::coroutine_handle<> caller = std::noop_coroutine();

    async get_return_object() noexcept { return async(handle::from_promise(*this)); }
    static std::suspend_always initial_suspend() noexcept { return {}; }
    static at_end final_suspend() noexcept { return {}; }
    static void unhandled_exception() {
#if defined(__cpp_exceptions)
      throw;
#endif
    }
  };

  async() noexcept = default;
  async(async&& other) noexcept : own_(std::exchange(other.own_, nullptr)) {}
  async& operator=(async&& other) noexcept {
    std::swap(own_, other.own_);
    return *this;
  }
  ~async() {
    if (own_) own_.destroy();
  }

  /// Of the outermost one, which nobody awaits.
  void begin() const { own_.resume(); }
  [[nodiscard]] bool is_over() const noexcept { return !own_ || own_.done(); }

  static bool await_ready() noexcept { return false; }
  handle await_suspend(std::coroutine_handle<> caller) const noexcept {
    own_.promise().caller = caller;
    return own_;
  }
  T await_resume() const noexcept { return own_.promise().take(); }

 private:
  explicit async(handle own) noexcept : own_(own) {}

  handle own_;
};

}  // namespace tasks::detail

#include "agent/serving_thread.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <unordered_map>

#include "agent/signals_blocked.hpp"
#include "registry/futex.hpp"

namespace tasks::detail {
namespace {

/// libstdc++ has its calls bound when they are first made: the loader's lock is none for a thread that libc does not
/// know of. So those that the server comes to by functions of its are made once here.
void bind_calls() noexcept {
#if defined(__GLIBCXX__)
  const std::__detail::_Prime_rehash_policy buckets;
  static_cast<void>(buckets._M_need_rehash(1, 1, 1));
#endif
}

/// For tests: TASKS_AGENT_THREAD is `bare` or `pthread`.
bool is_wanted(const char* kind) noexcept {
  const char* wish = secure_getenv("TASKS_AGENT_THREAD");
  return wish != nullptr && std::strcmp(wish, kind) == 0;
}

}  // namespace

int serving_thread::create(serve_shared& shared) noexcept {
  if (!is_wanted("pthread") && bare_thread::is_possible(is_wanted("bare"))) {
    bind_calls();
    const signals_blocked now(signals_blocked::all);
    is_bare_ = true;
    if (bare_.start([](void* argument) { tasks_serve(*static_cast<serve_shared*>(argument)); }, &shared) == 0) return 0;
    is_bare_ = false;  // a sandbox may let libc alone make threads
  }
  const signals_blocked now(signals_blocked::all_but_those_of_libc);
  return pthread_create(
      &thread_, nullptr,
      [](void* argument) -> void* {
        tasks_serve(*static_cast<serve_shared*>(argument));
        return nullptr;
      },
      &shared);
}

bool serving_thread::has_ended() noexcept {
  if (!is_bare_) return pthread_tryjoin_np(thread_, nullptr) == 0;
  if (!bare_.has_ended()) return false;
  bare_.join();
  return true;
}

int serving_thread::start(serve_shared& shared) noexcept {
  if (const int error = create(shared); error != 0) return error;
  const timespec a_while{.tv_sec = 0, .tv_nsec = 100'000'000};
  while (shared.begun.load(std::memory_order_acquire) == 0) {
    wait_futex(shared.begun, 0, &a_while);
    // A sandbox may end a thread for what it asks the kernel.
    if (shared.begun.load(std::memory_order_acquire) == 0 && has_ended()) return EPERM;
  }
  return 0;
}

void serving_thread::join() noexcept {
  if (is_bare_)
    bare_.join();
  else
    pthread_join(thread_, nullptr);
}

}  // namespace tasks::detail

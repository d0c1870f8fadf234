#include "agent/serving_thread.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "server/futex.hpp"

namespace tasks::detail {
namespace {

constexpr auto all_signals = ~std::uint64_t{0};
/// 32 and 33, by which libc has its threads end, or change their user: others must not get them, and its own have to.
constexpr auto signals_of_libc = std::uint64_t{3} << 31;

/// While one exists signals are blocked on the calling thread, and on those that it makes: the host's handlers run on
/// the host's threads only.
class signals_blocked {
 public:
  explicit signals_blocked(std::uint64_t which) noexcept { change(which, &before_); }
  ~signals_blocked() { change(before_, nullptr); }
  signals_blocked(const signals_blocked&) = delete;
  signals_blocked& operator=(const signals_blocked&) = delete;

 private:
  static void change(std::uint64_t to, std::uint64_t* before) noexcept {
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &to, before, sizeof to);
  }
  std::uint64_t before_ = 0;
};

/// For tests: TASKS_AGENT_THREAD is `bare` or `pthread`.
bool is_wanted(const char* kind) noexcept {
  const char* wish = secure_getenv("TASKS_AGENT_THREAD");
  return wish != nullptr && std::strcmp(wish, kind) == 0;
}

}  // namespace

int serving_thread::create(serve_shared& shared) noexcept {
  if (!is_wanted("pthread") && bare_thread::is_possible(is_wanted("bare"))) {
    const signals_blocked now(all_signals);
    is_bare_ = true;
    if (bare_.start([](void* argument) { tasks_serve(*static_cast<serve_shared*>(argument)); }, &shared) == 0) return 0;
    is_bare_ = false;  // a sandbox may let libc alone make threads
  }
  const signals_blocked now(all_signals & ~signals_of_libc);
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

#pragma once

/// System calls for code that may run on the agent's thread. libc's functions of these names are places where
/// pthread_cancel(3) may end a thread, ask the thread's descriptor about that, and are what other libraries stand in
/// front of. Results and errno are theirs.

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>

namespace tasks::detail {

/// CLOCK_MONOTONIC, as std::chrono::steady_clock has it: that one is in a library, which has the loader look
/// clock_gettime(2) up at its first call.
struct monotonic_clock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<monotonic_clock>;
  static constexpr bool is_steady = true;

  static time_point now() noexcept {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return time_point(std::chrono::seconds(t.tv_sec) + duration(t.tv_nsec));
  }
};

}  // namespace tasks::detail

namespace tasks::detail::calls {

inline int open(const char* path, int flags) noexcept {
  return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, 0));
}
inline int close(int fd) noexcept { return static_cast<int>(::syscall(SYS_close, fd)); }
inline ssize_t read(int fd, void* to, std::size_t size) noexcept { return ::syscall(SYS_read, fd, to, size); }
inline ssize_t read_at(int fd, void* to, std::size_t size, off_t offset) noexcept {
  return ::syscall(SYS_pread64, fd, to, size, offset);
}
inline ssize_t send(int fd, const void* from, std::size_t size, int flags) noexcept {
  return ::syscall(SYS_sendto, fd, from, size, flags, nullptr, 0);
}
inline ssize_t receive(int fd, void* to, std::size_t size) noexcept {
  return ::syscall(SYS_recvfrom, fd, to, size, 0, nullptr, nullptr);
}
inline int connect(int fd, const sockaddr* to, socklen_t size) noexcept {
  return static_cast<int>(::syscall(SYS_connect, fd, to, size));
}
inline int accept(int fd, int flags) noexcept {
  return static_cast<int>(::syscall(SYS_accept4, fd, nullptr, nullptr, flags));
}
/// `wait` negative: for ever.
inline int poll(pollfd* first, std::size_t count, std::chrono::nanoseconds wait) noexcept {
  timespec left{};
  left.tv_sec = static_cast<time_t>(wait.count() / 1'000'000'000);
  left.tv_nsec = static_cast<long>(wait.count() % 1'000'000'000);
  return static_cast<int>(::syscall(SYS_ppoll, first, count, wait.count() < 0 ? nullptr : &left, nullptr, 0));
}

}  // namespace tasks::detail::calls

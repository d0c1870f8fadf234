#include "server/own_descriptors.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "system_calls.hpp"

namespace tasks::detail {
namespace {

// Not libc's functions: sanitizers keep books of those for the whole process.
bool close_all(unsigned first, unsigned last) noexcept {
#if defined(SYS_close_range)
  return syscall(SYS_close_range, first, last, 0) == 0;
#else
  static_cast<void>(first), static_cast<void>(last);
  return false;
#endif
}

void close_from(unsigned next, std::array<int, 3> kept) noexcept {
  std::sort(kept.begin(), kept.end());
  for (const int fd : kept) {
    const auto number = static_cast<unsigned>(fd);
    if (number > next) close_all(next, number - 1);
    next = std::max(next, number + 1);
  }
  close_all(next, ~0u);
}

}  // namespace

void close_all_but(std::array<int, 3> kept) noexcept { close_from(STDERR_FILENO + 1, kept); }

bool have_own_descriptors(std::array<int, 3> kept) noexcept {
#if defined(__SANITIZE_THREAD__)
  return false;
#elif defined(__has_feature)
#  if __has_feature(thread_sanitizer)
  return false;
#  endif
#endif
  constexpr auto beyond_all = ~0u;
  if (*std::min_element(kept.begin(), kept.end()) < 0 || !close_all(beyond_all, beyond_all) ||
      unshare(CLONE_FILES) != 0)
    return false;
  close_from(0, kept);
  // Whoever writes to standard error, as a sanitizer does, writes to no reader.
  for (int fd = 0; fd <= STDERR_FILENO; ++fd) {
    const int opened = calls::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (opened > STDERR_FILENO) calls::close(opened);
  }
  return true;
}

}  // namespace tasks::detail

#include "linux/pipe_bytes.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "descriptor.hpp"

namespace tasks::cli {
namespace {

detail::descriptor borrow(pid_t pid, std::uint32_t fd) {
  // PIDFD_THREAD, since Linux 6.9: of any thread, which may have descriptors of its own.
  detail::descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, pid, O_EXCL)));
  if (!process) process = detail::descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process) return {};
  return detail::descriptor(static_cast<int>(::syscall(SYS_pidfd_getfd, process.get(), fd, 0)));
}

}  // namespace

std::optional<std::uint64_t> bytes_in_pipe(pid_t pid, std::uint32_t fd) {
  const auto pipe = borrow(pid, fd);
  int bytes = 0;
  if (!pipe || ::ioctl(pipe.get(), FIONREAD, &bytes) != 0 || bytes < 0) return std::nullopt;
  return static_cast<std::uint64_t>(bytes);
}

std::optional<bool> is_readable(pid_t pid, std::uint32_t fd) {
  const auto borrowed = borrow(pid, fd);
  pollfd asked{borrowed.get(), POLLIN, 0};
  if (!borrowed || ::poll(&asked, 1, 0) < 0) return std::nullopt;
  return (asked.revents & POLLIN) != 0;
}

}  // namespace tasks::cli

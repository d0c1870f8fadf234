#include "agent/pipe_end.hpp"

#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

namespace tasks::detail {

pipe_end::pipe_end(int fd) noexcept : fd_(fd) {
  struct stat status {};
  if (fd < 0 || fstat(fd, &status) != 0) return;
  file_ = status.st_ino;
  device_ = status.st_dev;
}

pipe_end& pipe_end::operator=(pipe_end&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(file_, other.file_);
  std::swap(device_, other.device_);
  return *this;
}

bool pipe_end::is_there() const noexcept {
  struct stat status {};
  return fd_ >= 0 && fstat(fd_, &status) == 0 && S_ISFIFO(status.st_mode) && status.st_ino == file_ &&
         status.st_dev == device_;
}

void pipe_end::write() const noexcept {
  if (!is_there()) return;
  // Whoever had the other end may have been ended, by a sandbox: no reason for the host to be.
  sigset_t broken_pipe;
  sigset_t before;
  sigset_t pending;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  sigpending(&pending);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);
  if (::write(fd_, "", 1) < 0 && errno == EPIPE && sigismember(&pending, SIGPIPE) == 0) {
    constexpr timespec now{};
    sigtimedwait(&broken_pipe, nullptr, &now);
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void pipe_end::close() noexcept {
  if (is_there()) ::close(fd_);
  fd_ = -1;
}

}  // namespace tasks::detail

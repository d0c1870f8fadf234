#include "dump/dump_sink.hpp"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

#include "dump/dump_options.hpp"
#include "task_copy.hpp"

namespace tasks::detail {
namespace {

int domain_of(int fd) noexcept {
  int domain = 0;
  socklen_t size = sizeof domain;
  return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 ? domain : -1;
}

enum class standard_error { unknown, open, closed };
constinit std::atomic<standard_error> at_first{standard_error::unknown};

}  // namespace

constinit std::atomic<std::uint64_t> dumps_end_at{std::numeric_limits<std::uint64_t>::max()};
constinit std::atomic<int> dump_descriptor{-1};

std::string file_named_by(const std::string& pattern) {
  std::string path(PATH_MAX, '\0');
  if (!expand_path(pattern.c_str(), path.data(), path.size())) return {};
  path.resize(path.find('\0'));
  return path;
}

bool is_file_pattern(std::string_view pattern) noexcept {
  for (std::size_t i = 0; i < pattern.size(); ++i)
    if (pattern[i] == '%' && (++i == pattern.size() || std::string_view("pt%").find(pattern[i]) == pattern.npos))
      return false;
  return pattern.find('\0') == pattern.npos && pattern.size() < PATH_MAX;
}

opened_sink open_dump_file(const char* path) noexcept {
  opened_sink made;
  // O_NONBLOCK: of a FIFO that nobody reads. What is there may be appended to by several processes.
  made.fd =
      descriptor{open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600)};
  struct stat status {};
  if (!made.fd || fstat(made.fd.get(), &status) != 0) {
    made.why = errno == ELOOP ? "it is a symlink" : strerrordesc_np(errno);
    made.fd.reset();
  } else if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() || status.st_nlink != 1) {
    made.why = "it is no regular file of this user's alone";
    made.fd.reset();
  }
  return made;
}

void note_standard_error() noexcept {
  auto unknown = standard_error::unknown;
  const bool closed = fcntl(STDERR_FILENO, F_GETFD) < 0;
  at_first.compare_exchange_strong(unknown, closed ? standard_error::closed : standard_error::open,
                                   std::memory_order_relaxed);
}

opened_sink open_standard_error() noexcept {
  opened_sink made;
  note_standard_error();
  struct stat status {};
  if (at_first.load(std::memory_order_relaxed) == standard_error::closed || fstat(STDERR_FILENO, &status) != 0)
    return made;
  const bool is_file = S_ISREG(status.st_mode) || S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode);
  if (!is_file && (!S_ISSOCK(status.st_mode) || domain_of(STDERR_FILENO) != AF_UNIX)) return made;
  // Opened anew it does not block, without that anybody else's descriptor does not either.
  if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode))
    made.fd = descriptor{open("/proc/self/fd/2", O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  if (!made.fd) made.fd = descriptor{fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)};
  return made;
}

dump_sink::dump_sink(const opened_sink& to) noexcept : fd_(to.fd.get()), until_(monotonic_ms() + at_most_ms) {
  struct stat status {};
  if (fd_ < 0 || fstat(fd_, &status) != 0) error_ = EBADF;
  is_socket_ = S_ISSOCK(status.st_mode);
  setp(buffer_, buffer_ + sizeof buffer_);
}

dump_sink::int_type dump_sink::overflow(int_type next) {
  if (!write_out()) return traits_type::eof();
  if (!traits_type::eq_int_type(next, traits_type::eof())) {
    *pptr() = traits_type::to_char_type(next);
    pbump(1);
  }
  return traits_type::not_eof(next);
}

int dump_sink::sync() { return write_out() ? 0 : -1; }

bool dump_sink::wait_until_writable() const noexcept {
  pollfd state{.fd = fd_, .events = POLLOUT, .revents = 0};
  constexpr int look_ms = 100;  // at dumps_end_at
  const auto give_up = std::min(until_, monotonic_ms() + patience_ms);
  for (;;) {
    if (monotonic_ms() > std::min(give_up, dumps_end_at.load(std::memory_order_relaxed))) return false;
    const int ready = poll(&state, 1, look_ms);
    if (ready > 0 || (ready < 0 && errno != EINTR)) return true;
  }
}

bool dump_sink::write_out() noexcept {
  const char* from = pbase();
  while (error_ == 0 && from != pptr()) {
    const auto size = std::min<std::size_t>(static_cast<std::size_t>(pptr() - from), PIPE_BUF);
    if (!wait_until_writable()) {
      error_ = ETIMEDOUT;
      break;
    }
    const auto done = is_socket_ ? send(fd_, from, size, MSG_NOSIGNAL | MSG_DONTWAIT) : write(fd_, from, size);
    if (done >= 0)
      from += done;
    else if (errno != EINTR && errno != EAGAIN)
      error_ = errno;
  }
  setp(buffer_, buffer_ + sizeof buffer_);
  return error_ == 0;
}

}  // namespace tasks::detail

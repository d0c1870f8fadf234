#include "dump/last_words.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstring>
#include <tuple>
#include <utility>

#include "dump/dump_options.hpp"
#include "dump/dump_sink.hpp"
#include "task_copy.hpp"

namespace tasks::detail {
namespace {

constexpr std::uint64_t patience = 2000;  // milliseconds

/// Never blocks: -1 and EAGAIN where there is no room. A socket is asked not to, anything else whether it has room.
ssize_t put(int fd, const char* bytes, std::size_t size) noexcept {
  if (const auto sent = send(fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL); sent >= 0 || errno != ENOTSOCK) return sent;
  pollfd room{fd, POLLOUT, 0};
  if (poll(&room, 1, 0) > 0 && (room.revents & POLLOUT) != 0) return write(fd, bytes, size);
  errno = (room.revents & (POLLERR | POLLNVAL)) != 0 ? EPIPE : EAGAIN;
  return -1;
}

}  // namespace

bool has_standard_error() noexcept { return fcntl(STDERR_FILENO, F_GETFD) >= 0; }

last_words::last_words(buffer& room, const char* pattern, bool may_use_standard_error) noexcept
    : deadline_(monotonic_ms() + patience), bytes_(room) {
  static_assert(std::tuple_size_v<buffer> <= PIPE_BUF);
  const char* why = nullptr;
  if (pattern != nullptr && *pattern != 0) {
    char path[1024];
    opened_sink file;
    if (expand_path(pattern, path, sizeof path))
      file = open_dump_file(path);
    else
      file.why = "its name is too long";
    why = file.why;
    is_own_ = static_cast<bool>(file.fd);
    fd_ = file.fd.release();
  }
  if (is_own_) return;
  if (may_use_standard_error) fd_ = STDERR_FILENO;
  if (why != nullptr) (*this << "tasks: ").foreign(pattern) << ": cannot be written: " << why << '\n';
}

last_words::~last_words() {
  flush();
  if (is_own_) close(fd_);
}

last_words& last_words::operator<<(std::string_view text) noexcept {
  while (!text.empty()) {
    if (size_ == bytes_.size()) flush();
    const auto piece = std::min(text.size(), bytes_.size() - size_);
    std::memcpy(bytes_.data() + size_, text.data(), piece);
    size_ += piece;
    text.remove_prefix(piece);
  }
  return *this;
}

last_words& last_words::operator<<(std::uint64_t number) noexcept {
  char digits[20];
  return *this << std::string_view(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

last_words& last_words::hexadecimal(std::uint64_t number) noexcept {
  char digits[18] = {'0', 'x'};
  return *this << std::string_view(digits, std::to_chars(digits + 2, digits + sizeof digits, number, 16).ptr);
}

last_words& last_words::foreign(std::string_view text, std::size_t longest) noexcept {
  for (const char c : text.substr(0, longest)) *this << (static_cast<unsigned char>(c) < ' ' || c == 0x7f ? ' ' : c);
  return *this << (text.size() > longest ? "…" : "");
}

void last_words::flush() noexcept {
  const char* at = bytes_.data();
  auto left = std::exchange(size_, 0);
  while (fd_ >= 0 && left != 0) {
    const auto written = put(fd_, at, left);
    if (written > 0) {
      at += written;
      left -= static_cast<std::size_t>(written);
      continue;
    }
    const auto now = monotonic_ms();
    if ((errno != EAGAIN && errno != EINTR) || now >= deadline_) return;
    pollfd room{fd_, POLLOUT, 0};
    poll(&room, 1, static_cast<int>(std::min<std::uint64_t>(deadline_ - now, 100)));
  }
}

}  // namespace tasks::detail

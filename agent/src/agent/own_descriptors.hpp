#pragma once

/// A thread with descriptors that are its own.
///
///   the program's threads ──> table of descriptors: all of theirs, the end of a pipe that is written to
///   the agent's thread    ──> another table: its socket, both ends of the pipe, what it opens from now on
///
/// A program may close descriptors that are not its own, as daemons do with all that they find, and get their numbers
/// for others then: neither it nor the agent would know. It may have no number left. And what it closes has to be
/// closed, where somebody waits for the end of it. See unshare(2), CLONE_FILES.

#include <array>
#include <utility>

#include "descriptor.hpp"

namespace tasks::detail {

/// Gives the calling thread a table that has nothing but these, at the numbers that they have, and /dev/null, if it can
/// be opened, at 0 to 2 where those are free. False: it has the one that it had, as the kernel refuses (a sandbox, or
/// before Linux 5.9), or under ThreadSanitizer, which takes equal numbers for one descriptor.
[[nodiscard]] bool have_own_descriptors(std::array<int, 3> kept) noexcept;

/// The end of a pipe that is written to, in the program's table: used only while it is still what it was.
class pipe_end {
 public:
  pipe_end() noexcept = default;
  explicit pipe_end(int fd) noexcept;
  pipe_end(pipe_end&& other) noexcept : fd_(std::exchange(other.fd_, -1)), file_(other.file_), device_(other.device_) {}
  pipe_end& operator=(pipe_end&& other) noexcept;
  ~pipe_end() { close(); }

  explicit operator bool() const noexcept { return fd_ >= 0; }
  /// Writes a byte, of which whoever has the other end is told.
  void write() const noexcept;
  void close() noexcept;

 private:
  [[nodiscard]] bool is_there() const noexcept;

  int fd_ = -1;
  unsigned long file_ = 0, device_ = 0;
};

}  // namespace tasks::detail

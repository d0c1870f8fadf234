#pragma once

#include <utility>

namespace tasks::detail {

/// The end of a pipe that is written to, in the program's table of descriptors: used only while it is still what it
/// was.
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

#pragma once

/// Text for a process that is about to die: neither allocates nor locks, and gives up where nobody reads.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tasks::detail {

/// Is the calling process's standard error one that text may be written to? A closed descriptor may be a client's
/// socket tomorrow: asked when the dump is asked for, not when it is made.
[[nodiscard]] bool has_standard_error() noexcept;

/// Writes to standard error, or to a file made of a pattern of dump_options. Async-signal-safe.
class last_words {
 public:
  /// What poll(2) calls room in a pipe is at least that of PIPE_BUF: a piece of this size never blocks.
  using buffer = std::array<char, 4096>;

  /// Null or empty: standard error, and so where no such file can be made, after saying so. `room`: its own while it
  /// exists, and not on a stack that may be a signal's.
  last_words(buffer& room, const char* pattern, bool may_use_standard_error) noexcept;
  ~last_words();
  last_words(const last_words&) = delete;
  last_words& operator=(const last_words&) = delete;

  last_words& operator<<(std::string_view text) noexcept;
  last_words& operator<<(char c) noexcept { return *this << std::string_view(&c, 1); }
  last_words& operator<<(std::uint64_t number) noexcept;
  last_words& hexadecimal(std::uint64_t number) noexcept;
  /// Text of somebody else's: at most `longest` bytes, without control characters.
  last_words& foreign(std::string_view text, std::size_t longest = 512) noexcept;
  /// Hands over what was written so far.
  void flush() noexcept;

 private:
  int fd_ = -1;  ///< -1: nowhere
  bool is_own_ = false;
  std::uint64_t deadline_;  ///< in milliseconds: how long all of it may wait for who reads
  std::size_t size_ = 0;
  buffer& bytes_;
};

}  // namespace tasks::detail

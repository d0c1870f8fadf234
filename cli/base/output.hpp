#pragma once

/// Standard output, or a file: buffered, and what may be done with it.

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

#include "base/error.hpp"

namespace tasks::cli {

/// How text is laid out. Colour and cut lines are for terminals; a pipe gets the same columns at their full width.
struct text_style {
  bool color = false;
  bool terminal = false;
  unsigned width = 0;  ///< columns of the terminal, or of COLUMNS where there is none; 0: no limit
};

/// The style for standard output. NO_COLOR and TERM=dumb switch colour off. TASKS_TERMINAL, which another host's `tasks
/// -H` sets, says that a terminal shows there what goes into a pipe here.
[[nodiscard]] text_style style_of_stdout();

class output {
 public:
  explicit output(int fd, text_style style = {}) : fd_(fd), style_(style) {}
  output(const output&) = delete;
  output& operator=(const output&) = delete;

  [[nodiscard]] fmt::memory_buffer& text() noexcept { return text_; }
  [[nodiscard]] const text_style& style() const noexcept { return style_; }
  /// Bytes that were given to it so far.
  [[nodiscard]] std::uint64_t size() const noexcept { return flushed_ + text_.size(); }
  /// Writes the buffer out once it is large. False: the reader is gone, or writing failed; stop.
  bool flush_if_large();
  bool flush();
  /// Fails where writing did; a reader that went away is no failure.
  result<void> finish();

 private:
  void write(std::string_view text);

  int fd_;
  text_style style_;
  int failure_ = 0;
  std::uint64_t flushed_ = 0;
  fmt::memory_buffer text_;
};

}  // namespace tasks::cli

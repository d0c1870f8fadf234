#include "base/output.hpp"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <string_view>

#include "base/progress.hpp"

namespace tasks::cli {
namespace {
constexpr std::size_t large = 128 * 1024;

/// Of COLUMNS, which a shell exports when it is told to; 0: it says nothing.
unsigned columns_of_environment() {
  const std::string_view text = std::getenv("COLUMNS") != nullptr ? std::getenv("COLUMNS") : "";
  unsigned columns = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), columns);
  constexpr unsigned fewest = 20;
  return failure == std::errc() && end == text.data() + text.size() && columns >= fewest ? columns : 0;
}

/// Of TASKS_TERMINAL, "120,color" or "120": what is printed is shown on a terminal of another host.
void add_distant_terminal(text_style& style) {
  const char* text = std::getenv("TASKS_TERMINAL");
  if (text == nullptr || *text < '0' || *text > '9') return;
  style.terminal = true;
  style.color = std::string_view(text).ends_with(",color");
}

}  // namespace

text_style style_of_stdout() {
  text_style style;
  if (!::isatty(STDOUT_FILENO)) {
    style.width = columns_of_environment();
    add_distant_terminal(style);
    return style;
  }
  style.terminal = true;
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  style.color = !(no_color && *no_color) && !(term && std::string_view(term) == "dumb");
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) style.width = size.ws_col;
  if (style.width == 0) style.width = columns_of_environment();
  return style;
}

bool output::flush_if_large() { return text_.size() < large ? failure_ == 0 : flush(); }

bool output::flush() {
  flushed_ += text_.size();
  const bool is_seen = fd_ == STDOUT_FILENO && text_.size() != 0;
  if (is_seen && !progress_line::end() && style_.terminal) write(progress_line::eraser);
  write({text_.data(), text_.size()});
  text_.clear();
  return failure_ == 0;
}

void output::write(std::string_view text) {
  while (!text.empty() && failure_ == 0) {
    const auto n = ::write(fd_, text.data(), text.size());
    if (n < 0 && errno != EINTR) failure_ = errno;
    if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
  }
}

result<void> output::finish() {
  if (flush() || failure_ == EPIPE) return {};
  return error{error_code::system, fd_ == STDOUT_FILENO ? "standard output" : "the file", ::strerror(failure_), ""};
}

}  // namespace tasks::cli

#include "commands/written_page.hpp"

#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>

namespace tasks::cli {

written_page::written_page(const text_style& style)
    : file_(::memfd_create("tasks-page", MFD_CLOEXEC)), out_(file_, style) {}

written_page::~written_page() { ::close(file_); }

result<std::string> written_page::read() {
  constexpr std::size_t most_bytes = std::size_t{16} << 20;
  if (const auto done = out_.finish(); !done) return done.why();
  const auto end = static_cast<std::size_t>(std::max<off_t>(::lseek(file_, 0, SEEK_END), 0));
  std::string text(std::min(end, most_bytes), '\0');
  const auto got = ::pread(file_, text.data(), text.size(), 0);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  if (text.size() < end) text += "\n… and more\n";
  return text;
}

}  // namespace tasks::cli

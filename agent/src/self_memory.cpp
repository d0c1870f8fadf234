#include "self_memory.hpp"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>

namespace tasks::detail {
namespace {

/// For sandboxes that forbid process_vm_readv.
std::size_t read_through_proc(std::uint64_t address, void* to, std::size_t size) noexcept {
  const int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const auto got = pread64(fd, to, size, static_cast<off64_t>(address));
  close(fd);
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

/// Length of the UTF-8 sequence that `text` begins with; 0: it is none. (Unicode 15, table 3-7.)
std::size_t utf8_sequence(const unsigned char* text, std::size_t size) noexcept {
  const unsigned first = text[0];
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || size < length) return 0;
  const unsigned lowest = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const unsigned highest = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (text[1] < lowest || text[1] > highest) return 0;
  for (std::size_t i = 2; i < length; ++i)
    if ((text[i] & 0xc0) != 0x80) return 0;
  return length;
}

}  // namespace

std::size_t read_self(std::uint64_t address, void* to, std::size_t size) noexcept {
  const iovec local{to, size};
  const iovec remote{std::bit_cast<void*>(address), size};
  const auto got = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
  if (got >= 0) return static_cast<std::size_t>(got);
  return errno == EFAULT ? 0 : read_through_proc(address, to, size);
}

std::string read_self_string(std::uint64_t address, std::size_t longest) {
  constexpr std::size_t page = 4096;
  std::string text;
  std::array<char, 512> piece;
  while (address != 0 && text.size() < longest) {
    // Never across a page boundary: whether a partial read stops at one is up to the kernel.
    const auto want = std::min({piece.size(), longest - text.size(), static_cast<std::size_t>(page - address % page)});
    const auto got = read_self(address, piece.data(), want);
    const auto length = strnlen(piece.data(), got);
    text.append(piece.data(), length);
    if (length < want) break;
    address += want;
  }
  make_utf8(text);
  return text;
}

void make_utf8(std::string& text) noexcept {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  for (std::size_t i = 0; i < text.size();) {
    const auto length = utf8_sequence(bytes + i, text.size() - i);
    if (length == 0) text[i] = '?';
    i += std::max<std::size_t>(length, 1);
  }
}

}  // namespace tasks::detail

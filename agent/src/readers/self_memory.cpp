#include "readers/self_memory.hpp"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>

#include "utf8.hpp"

namespace tasks::detail {
namespace {

/// For sandboxes that forbid process_vm_readv.
std::size_t read_through_proc(std::uint64_t address, void* to, std::size_t size) noexcept {
  const int fd = open("/proc/thread-self/mem", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const auto got = pread64(fd, to, size, static_cast<off64_t>(address));
  close(fd);
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

}  // namespace

std::size_t read_self(std::uint64_t address, void* to, std::size_t size) noexcept {
  const iovec local{to, size};
  const iovec remote{std::bit_cast<void*>(address), size};
  // The main thread may have ended (pthread_exit(3)), and has no memory then.
  const auto got = process_vm_readv(gettid(), &local, 1, &remote, 1, 0);
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

}  // namespace tasks::detail

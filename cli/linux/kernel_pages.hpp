#pragma once

#include <unistd.h>

#include <cstdint>

namespace tasks::cli {

/// In bytes, of this machine's kernel, which maps and counts in them: 4 KiB on x86-64, up to 64 KiB on aarch64.
[[nodiscard]] inline std::uint64_t kernel_page_size() noexcept {
  static const auto size = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

}  // namespace tasks::cli

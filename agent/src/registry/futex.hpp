#pragma once

/// Waiting for a word that another thread of this process stores, futex(2).

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace tasks::detail {

/// Until it is no longer `value`, for so long at the most, or for no reason.
inline void wait_futex(std::atomic<std::uint32_t>& word, std::uint32_t value, const timespec* most) noexcept {
  ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, most, nullptr, 0);
}
inline void wake_futex(std::atomic<std::uint32_t>& word) noexcept {
  ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT32_MAX, nullptr, nullptr, 0);
}

}  // namespace tasks::detail

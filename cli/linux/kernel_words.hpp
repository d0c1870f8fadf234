#pragma once

/// Pointers that the kernel keeps for a process: they are roots where they can be read, and forbid proofs where not.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "linux/memory.hpp"

namespace tasks::cli {

struct kernel_words {
  struct held {
    std::uint64_t word;
    std::uint64_t descriptor;  ///< of the epoll instance; no_descriptor: a timer's
  };
  static constexpr std::uint64_t no_descriptor = ~std::uint64_t{0};

  std::vector<held> words;
  std::string forbids;  ///< why nothing can be proven, in words; empty: nothing forbids it
  /// Why an operation that is not Asio's own may be known to the kernel alone, as by its address in a pipe to the
  /// thread that does it; empty: it is not.
  std::string in_flight;
};

/// epoll's user data, and what timers deliver; io_uring's and Linux AIO's requests cannot be read. Without those of
/// epoll instances that watch a socket with an inode of `but`.
[[nodiscard]] kernel_words read_kernel_words(pid_t pid, const std::vector<memory_region>& regions,
                                             const std::set<std::uint64_t>& but);

/// A file that an epoll instance watches.
struct epoll_watch {
  std::uint64_t descriptor = 0;  ///< by which it was given to it, and may be another's by now
  std::uint64_t data = 0;        ///< the user's
  std::uint64_t inode = 0;
};
/// The watches in the text of an epoll instance's /proc/PID/fdinfo/FD.
[[nodiscard]] std::vector<epoll_watch> epoll_watches(std::string_view fdinfo);
/// How many descriptors have been sent to a Unix socket and were not received, by the text of its /proc/PID/fdinfo/FD.
/// Nothing: it does not say.
[[nodiscard]] std::optional<std::uint64_t> descriptors_in_flight(std::string_view fdinfo);
/// The values in the text of /proc/PID/timers.
[[nodiscard]] std::vector<std::uint64_t> timer_values(std::string_view timers);

}  // namespace tasks::cli

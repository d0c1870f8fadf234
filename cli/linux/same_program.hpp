#pragma once

#include <sys/types.h>

#include <cstdint>

#include "linux/proc.hpp"

namespace tasks::cli {

/// Tells whether a process still executes the program that it did: addresses of its code mean the same.
///
///   /proc/PID/mem, opened then ──> the memory that it had then: nothing can be read of it after execve(2), or the end
class same_program {
 public:
  explicit same_program(pid_t pid);
  /// False too where it could not be told from the beginning: its memory may not be read.
  [[nodiscard]] bool still() const;
  /// Its memory may not be read by us: it may be there all the same. One that is about to end has none.
  [[nodiscard]] bool is_refused() const noexcept { return is_refused_; }

 private:
  descriptor memory_;
  bool is_refused_ = false;
  std::uint64_t somewhere_ = 0;  ///< an address that can be read
};

}  // namespace tasks::cli

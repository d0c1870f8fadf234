#pragma once

/// Threads that are traced for longer than one look: see linux/watched_program. A thread has one tracer, which alone
/// can stop it; so whoever wants to look at it meanwhile asks here.

#include <sys/types.h>

#include <map>
#include <optional>

namespace tasks::cli {

struct kept_thread {
  bool stopped = false;  ///< and stays so until its keeper lets it go on
  /// As of waitpid(2): what has come to it in place of the stop that a tracee asked for. Its keeper's to deal with.
  std::optional<int> status = {};
};

/// Those that the calling thread keeps, by thread id. A tracee of one is stopped as any other, and afterwards goes on,
/// or stands still, as it did before.
[[nodiscard]] std::map<pid_t, kept_thread>& kept_threads() noexcept;

}  // namespace tasks::cli

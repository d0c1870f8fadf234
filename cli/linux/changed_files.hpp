#pragma once

/// Which files that a process has mapped privately may hold its own pointers.
///
///   write(2) ──> file ──page cache──> private mapping, through which nothing was written
///
/// The kernel tells nobody who wrote to a file, but when it changed: one that did not since the process began holds
/// nothing of it. So it is with locale archives, fonts and models.

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "linux/memory.hpp"

namespace tasks::cli {

class changed_files {
 public:
  changed_files(pid_t pid, const std::vector<memory_region>& regions);

  /// How much of a private mapping, from its begin, shows a file that has changed since the process began, or of which
  /// that is not known. 0: nothing; so of executables and shared libraries, which are those that have code mapped, and
  /// of all that is no regular file.
  [[nodiscard]] std::uint64_t bytes_in(const memory_region& region);

 private:
  /// How large a file is; 0: it has not changed.
  [[nodiscard]] std::uint64_t size_if_changed(const memory_region& region) const;

  pid_t pid_;
  std::int64_t began_;                          ///< in seconds since 1970, rather too early
  std::map<std::string, std::uint64_t> known_;  ///< by path
};

}  // namespace tasks::cli

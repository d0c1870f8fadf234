#pragma once

/// What of each mapping is in memory: /proc/PID/smaps, see proc_pid_smaps(5).

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "linux/memory.hpp"

namespace tasks::cli {

struct resident_region {
  memory_region is;
  std::uint64_t resident_bytes = 0, swapped_bytes = 0;
};

/// Of the text of one.
[[nodiscard]] std::vector<resident_region> parse_smaps(std::string_view text);
/// As they are now; nothing: it may not be read.
[[nodiscard]] std::optional<std::vector<resident_region>> read_smaps(pid_t pid);

}  // namespace tasks::cli

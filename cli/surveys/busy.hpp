#pragma once

/// Tasks that never rest: they wait for no longer than it takes to come to their turn again, so each look finds them
/// waiting, like all others. Two looks at how often they were resumed tell.
///
///   task 78   3'057'748 resumptions ──0.1 s later──> 3'187'748: 1.3 M a second

#include <cstdint>
#include <string>
#include <vector>

#include "target/target.hpp"

namespace tasks::cli {

struct busy_task {
  std::uint64_t id = 0;
  double per_second = 0;     ///< resumptions
  std::uint32_t thread = 0;  ///< that has resumed it last, as the target calls it, in both looks; 0: there are several
};

/// The busiest first. Takes 0.1 seconds where a first look shows that there may be any, and a little more where one
/// posts itself; nothing is stopped. Empty where its memory cannot be read, and of a core.
[[nodiscard]] std::vector<busy_task> find_busy(target& from);

/// "1.3 M", "420 k".
[[nodiscard]] std::string format_rate(double per_second);

}  // namespace tasks::cli

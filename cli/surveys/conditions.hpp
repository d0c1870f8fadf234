#pragma once

/// What `tasks record --when` waits for.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "sources/snapshot_source.hpp"
#include "tasks/v1/agent.pb.h"

namespace tasks::cli {

struct condition {
  enum class of { tasks, blocked, stalled, blocked_for, leaks };
  of what = of::tasks;
  std::uint64_t most = 0;                            ///< tasks; of leaks: those that are known
  std::chrono::milliseconds time{0};                 ///< of stalled and blocked_for
  v1::Wait::Kind kind = v1::Wait::KIND_UNSPECIFIED;  ///< of blocked_for
  std::string words = {};                            ///< as it was typed
};

/// What is so, as "5,012 tasks, more than 5,000"; nothing: it does not hold. A count asks for counts alone, stalled for
/// vitals, blocked-for for the groups of that wait; leaks copies the memory, and sets `most` to what it has found, so
/// that the same leaks are told once. What has no hook tells nobody's age: blocked-for fails then.
[[nodiscard]] result<std::optional<std::string>> look_for(snapshot_source& source, condition& what);

}  // namespace tasks::cli

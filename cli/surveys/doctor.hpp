#pragma once

/// What keeps the tasks of a process from being seen, and the smallest thing that mends it. Each topic is looked at the
/// way the views do it, and says what they would say.

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/remedy.hpp"

namespace tasks::cli {

struct checkup {
  enum class state {
    good,
    limited,  ///< something cannot be seen
    bad       ///< because of this no task can
  };
  std::string_view topic;  ///< "agent"; a literal
  state how = state::good;
  obstacle what{};  ///< of a good one: what is there, and nothing to mend
};

struct surveyed_health {
  std::optional<pid_t> pid;  ///< nothing: of this machine, for whoever asks
  std::string program;
  std::vector<checkup> checkups;
};

/// Fails where there is no such process any more. Its agent is waited for as long as `timeout`.
[[nodiscard]] result<surveyed_health> examine(pid_t pid, std::chrono::milliseconds timeout);
/// What holds for all processes, and which of them cannot be seen.
[[nodiscard]] surveyed_health examine_machine(std::chrono::milliseconds timeout);

/// Those for which nobody needs to be root come first.
[[nodiscard]] std::vector<remedy> smallest_first(std::vector<remedy> mends);

}  // namespace tasks::cli

#pragma once

/// Snapshots that several tests show: what their fake agents answer.

#include <string>
#include <string_view>

#include "support/fake_agent.hpp"

namespace tasks::testing {

/// The lab of DESIGN's samples: fourteen tasks, eleven of them blocked on channels.
[[nodiscard]] fake_agent::script lab_script();
/// A script that answers no more than counts.
[[nodiscard]] fake_agent::script small_script();

[[nodiscard]] v1::Location make_location(std::uint32_t id, std::string function, std::string file, std::uint32_t line);

/// The target's pid, its parent's, and its uptime in a list become PID, PPID and UPTIME.
[[nodiscard]] std::string normalized(const std::string& text, const fake_agent& target);

/// Compares with tests/cli/golden/NAME; with TASKS_UPDATE_GOLDEN set in the environment writes that file instead.
void expect_golden(std::string_view name, const std::string& text);

}  // namespace tasks::testing

#pragma once

/// What a view prints, held against a file.

#include <string>
#include <string_view>

namespace tasks::testing {

/// The pid of a child of this test, its parent's, and its uptime in a list become PID, PPID and UPTIME.
[[nodiscard]] std::string normalized(const std::string& text, const std::string& pid);

/// Compares with tests/cli/golden/NAME; with TASKS_UPDATE_GOLDEN set in the environment writes that file instead.
void expect_golden(std::string_view name, const std::string& text);

}  // namespace tasks::testing

#pragma once

#include <string>

#include "surveys/conditions.hpp"

namespace tasks::cli {

/// "tasks>5000", "blocked>100", "stalled>1s", "blocked-for channel-receive>5m" (or with a colon: "blocked-for:…"),
/// "leaks". Fails with what is possible.
[[nodiscard]] result<condition> read_condition(const std::string& typed);

}  // namespace tasks::cli

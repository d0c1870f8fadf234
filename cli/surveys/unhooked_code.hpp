#pragma once

/// Coroutines of a program with the hook that were compiled without it: no view tells of their tasks.

#include <optional>
#include <string>

#include "sources/snapshot_source.hpp"

namespace tasks::cli {

/// A sentence about them, by the types that debug information has of their promises. Nothing: there are none of which
/// it says so, or the program has no hook at all.
[[nodiscard]] std::optional<std::string> look_for_unhooked_code(const snapshot_source& source);

}  // namespace tasks::cli

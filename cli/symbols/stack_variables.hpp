#pragma once

/// Which variable of a function lies at a place in its frame, by debug information.

#include <cstdint>
#include <optional>
#include <string>

#include "symbols/modules.hpp"

namespace tasks::cli {

struct stack_variable {
  std::string function, name;
};

/// The one that is in scope at `address` and covers the byte `from_end` from the end of the frame
/// (DW_OP_call_frame_cfa; below zero). Nothing: no variable lies there, which a spilled register's place and what was
/// left behind have in common; or there is no debug information.
[[nodiscard]] std::optional<stack_variable> variable_at(modules& code, std::uint64_t address, std::int64_t from_end);

}  // namespace tasks::cli

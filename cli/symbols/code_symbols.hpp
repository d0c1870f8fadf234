#pragma once

/// Symbols of a target's code.

#include <cstdint>
#include <optional>
#include <string>

#include "symbols/modules.hpp"

namespace tasks::cli {

/// One that an address is said to belong to.
struct code_symbol {
  std::string name;
  std::uint64_t begin = 0, size = 0;
  /// It says so itself. Else it is the last one before the address, and has no size or a smaller one.
  [[nodiscard]] bool contains(std::uint64_t address) const noexcept { return address - begin < size; }
};

/// Nothing: none is known.
[[nodiscard]] std::optional<code_symbol> symbol_near(modules& code, std::uint64_t address);

}  // namespace tasks::cli

#pragma once

/// A value in a target's memory in words, by the debug information of its type:
///
///   42   2.5   true   'c'   green   0x7f01…   nullptr   "a name"   nullopt   [1, 2, 3, 4, …] of 9
///
/// Nothing is believed: what a pointer leads to is read only where that can be, sizes are held against capacities,
/// texts are cut and escaped, and how deep values lie within one another is bounded.

#include <elfutils/libdw.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "linux/memory.hpp"

namespace tasks::cli {

/// Bytes of a text and elements of a vector that are shown; what is left out is an ellipsis.
inline constexpr std::size_t longest_text = 64, most_elements = 4;
/// Bytes of a value in words, at most; then an ellipsis.
inline constexpr std::size_t longest_value = 512;

/// `type`: as dwarf::type_of() gives it. Shown are numbers, bool, enumerations, pointers and references (as addresses);
/// libstdc++'s and libc++'s string_view, libstdc++'s string, optional, smart pointers (as addresses) and vector; and
/// whatever has one member only, as durations do. Nothing: it is of another type, is not whole in memory, or is
/// damaged.
[[nodiscard]] std::optional<std::string> value_words(const memory& from, std::uint64_t at, Dwarf_Die type);

/// In quotes, of printable characters alone: others, and what is no UTF-8, read "\n", "\x07". `is_cut`: it goes on.
[[nodiscard]] std::string quoted(std::string_view text, char quote, bool is_cut = false);

}  // namespace tasks::cli

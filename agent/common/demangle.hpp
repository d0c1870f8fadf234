#pragma once

/// What a symbol stands for.
///
/// A few bytes may stand for gigabytes: each type of a name may consist of those before it, twice. Of 67,400 real ones
/// the longest has 32,592. So libstdc++ is asked by its callback, which is left in the middle of a name that is too
/// long. Only its archive has that: where it is a shared library, as in programs with the agent, a name is as long as
/// it is.

#include <cstddef>
#include <optional>
#include <string>

namespace tasks::detail {

inline constexpr std::size_t longest_name = 65'536;

/// Nothing: the symbol stands for nothing, or for a name of more than `longest_name` bytes. Throws std::bad_alloc.
[[nodiscard]] std::optional<std::string> demangle(const std::string& symbol);

}  // namespace tasks::detail

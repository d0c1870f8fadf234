#pragma once

/// Looks that read every record, more than once, are taken only of processes that have not too many: else `list` would
/// take seconds for one of them.

#include <cstdint>
#include <string>

#include "target/target.hpp"

namespace tasks::cli {

/// That many records are read in about a tenth of a second.
inline constexpr std::uint64_t most_records = 50'000;

/// Has it, or has it had at once, more tasks than that?
[[nodiscard]] bool is_crowd(const target& from);
/// What is not known of it for that reason, a sentence without a period.
[[nodiscard]] std::string unknown_of_crowds();

}  // namespace tasks::cli

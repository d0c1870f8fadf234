#pragma once

/// What somebody meant who mistyped a word.

#include <span>
#include <string_view>

namespace tasks::cli {

/// The candidate that takes the fewest letters to be added, left out, exchanged or swapped with the next one, if that
/// is at most one letter of three; the first of several. Hyphens before them are no letters. Empty: none is near.
[[nodiscard]] std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace tasks::cli

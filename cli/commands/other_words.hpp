#pragma once

/// Words on a command line that are another program's: `tasks run --leaks -- PROGRAM --its-own`.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "commands/command.hpp"

namespace tasks::cli {

/// The value of a last word that is followed by any others.
inline constexpr std::string_view other_words = "WORDS";

[[nodiscard]] bool takes_other_words(const command& of) noexcept;
/// Of the words behind a command's name the first that is not the command's own, "--" included. It has no more than
/// options: what comes behind them is another program's, whether or not "--" stands there. Precondition: it takes such.
[[nodiscard]] std::size_t begin_of_other_words(const command& of, std::span<const std::string> words);

}  // namespace tasks::cli

#pragma once

/// Sentences on a terminal.

#include <fmt/format.h>

#include <string_view>

#include "base/output.hpp"

namespace tasks::cli {

/// Prints a line and its end; one that is wider than the terminal is broken between words, and goes on as far in as it
/// begins, behind its "! ". A word that is wider stays whole. Sequences that set colours take no room.
void append_prose(fmt::memory_buffer& out, std::string_view line, const text_style& style);

}  // namespace tasks::cli

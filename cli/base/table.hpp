#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/output.hpp"

namespace tasks::cli {

struct column {
  bool right = false;  ///< aligned to the right
  unsigned min_width = 0;
  bool shrinks = false;  ///< cut with "…" where the terminal is too narrow
};

using table_row = std::vector<std::string>;

/// Prints rows in columns, two spaces apart, no line longer than the terminal where columns that shrink, and the last
/// one, have the room. What could drive the reader's terminal becomes '?' in cells.
void render_table(fmt::memory_buffer& out, const std::vector<column>& columns, const std::vector<table_row>& rows,
                  std::string_view indent, const text_style& style);

/// Columns that UTF-8 text takes on a terminal, one a code point.
[[nodiscard]] std::size_t display_width(std::string_view text);
/// At most `width` code points, the last one "…" where something was cut.
[[nodiscard]] std::string cut(std::string_view text, std::size_t width);
/// Likewise of a function's signature: first go its parameters, then template arguments and scopes, its own name last.
[[nodiscard]] std::string cut_function(std::string_view text, std::size_t width);

}  // namespace tasks::cli

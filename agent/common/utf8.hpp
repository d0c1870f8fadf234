#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace tasks::detail {

/// Length of the UTF-8 sequence that `text` begins with; 0: it begins with none. (Unicode 15, table 3-7.)
[[nodiscard]] std::size_t utf8_sequence(std::string_view text) noexcept;

/// Replaces what is not UTF-8 by '?', byte by byte: protobuf refuses it.
void make_utf8(std::string& text) noexcept;
/// Likewise, up to its zero.
void make_utf8(char* text) noexcept;

}  // namespace tasks::detail

#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace tasks::cli {

inline void append(fmt::memory_buffer& out, std::string_view text) {
  out.append(text.data(), text.data() + text.size());
}

/// One character in UTF-8, or a byte that begins none: false of that, of controls, of what turns the direction of a
/// line, and of what has no width. A terminal obeys U+009B as it does ESC [ (ECMA-48, 5.4).
[[nodiscard]] bool is_printable(std::string_view character) noexcept;

/// Text from a target: each character that could drive the reader's terminal, or hide what stands beside it, becomes
/// '?'.
void append_foreign(fmt::memory_buffer& out, std::string_view text);

/// As append_foreign() leaves it.
[[nodiscard]] std::string clean(std::string_view foreign);

/// A source file as editors find it from here: relative to the current directory where it lies below that, else as it
/// is.
[[nodiscard]] std::string_view path_from_here(std::string_view path);

/// Last component of a path.
[[nodiscard]] std::string_view base_name(std::string_view path);

}  // namespace tasks::cli

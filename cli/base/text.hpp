#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace tasks::cli {

inline void append(fmt::memory_buffer& out, std::string_view text) {
  out.append(text.data(), text.data() + text.size());
}

/// Text from a target: what could drive the reader's terminal becomes '?'.
void append_foreign(fmt::memory_buffer& out, std::string_view text);

/// As append_foreign() leaves it.
[[nodiscard]] std::string clean(std::string_view foreign);

/// A source file as editors find it from here: relative to the current directory where it lies below that, else as it
/// is.
[[nodiscard]] std::string_view path_from_here(std::string_view path);

/// Last component of a path.
[[nodiscard]] std::string_view base_name(std::string_view path);

}  // namespace tasks::cli

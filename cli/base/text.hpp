#pragma once

#include <fmt/format.h>

#include <string_view>

namespace tasks::cli {

inline void append(fmt::memory_buffer& out, std::string_view text) {
  out.append(text.data(), text.data() + text.size());
}

/// Text from a target: what could drive the reader's terminal becomes '?'.
void append_foreign(fmt::memory_buffer& out, std::string_view text);

/// Last component of a path.
[[nodiscard]] std::string_view base_name(std::string_view path);

}  // namespace tasks::cli

#pragma once

#include <string>

namespace tasks::detail {

/// Replaces what is not UTF-8 by '?', byte by byte: protobuf refuses it.
void make_utf8(std::string& text) noexcept;

}  // namespace tasks::detail

#pragma once

#include <string_view>

namespace tasks::cli {

/// Is it one JSON object (RFC 8259), and nothing else? Of strings only their ends are looked for, and of numbers only
/// that they consist of what numbers do. What is nested more than 200 deep is none.
[[nodiscard]] bool is_json_object(std::string_view text);

}  // namespace tasks::cli

#pragma once

/// Shorter names of C++ types: default template arguments left out, and the aliases that people write.

#include <string>
#include <string_view>
#include <vector>

namespace tasks::detail {

/// Index of the bracket that closes the one at `open`, whichever of ( < [ { it is; npos if none does.
[[nodiscard]] std::size_t matching_close(std::string_view text, std::size_t open);
/// Index of the '<' that the '>' at `close` belongs to; npos if none.
[[nodiscard]] std::size_t matching_open_angle(std::string_view text, std::size_t close);

/// Splits at a separator that stands outside all brackets; the parts carry no spaces around them.
[[nodiscard]] std::vector<std::string> split_arguments(std::string_view list, char separator);

/// A function's name without parameters and template arguments: asio::async_result::initiate.
[[nodiscard]] std::string bare_name(std::string_view signature);

/// Rewrites the types in a function's signature. Brackets in operator names must be hidden.
[[nodiscard]] std::string simplify_types(std::string_view signature);

}  // namespace tasks::detail

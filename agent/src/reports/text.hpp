#pragma once

/// Text for people: compilers' names of coroutines, durations, addresses.

#include <cstdint>
#include <string>
#include <string_view>

namespace tasks::detail {

/// A function of a std::source_location, or a demangled symbol, as the executable shows it: see names.hpp. Throws
/// std::bad_alloc.
[[nodiscard]] std::string function_name(std::string_view compilers);

/// What a symbol of the linker's is called in the source; itself where it is not mangled. Throws std::bad_alloc.
[[nodiscard]] std::string demangled(const std::string& symbol);

/// Is this a coroutine of Asio's own, which a reader of stacks is not interested in?
[[nodiscard]] bool is_plumbing(std::string_view function, std::string_view file) noexcept;

/// "45s", "3m12s", "2h5m0s"; empty below a second.
[[nodiscard]] std::string duration(std::uint64_t ms);

/// "0x7f…"
[[nodiscard]] std::string hexadecimal(std::uint64_t address);

}  // namespace tasks::detail

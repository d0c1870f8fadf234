#pragma once

/// Functions of this process by address, from the symbol tables of its files: without lines and inlined functions,
/// which only a reader outside can tell.

#include <cstdint>
#include <string>

namespace tasks::detail {

/// The demangled name of the function at a code address; empty where the file is stripped or has changed its place.
/// Reads the whole symbol table: for reports, not for loops. Throws std::bad_alloc.
[[nodiscard]] std::string symbol_at(std::uint64_t address);

}  // namespace tasks::detail

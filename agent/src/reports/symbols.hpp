#pragma once

/// Functions of this process by address, from the symbol tables of its files: without lines and inlined functions,
/// which only a reader outside can tell.

#include <cstdint>
#include <string>
#include <string_view>

namespace tasks::detail {

/// The symbol of the function at a code address, mangled; empty where the file is stripped or has changed its place.
/// Reads the whole symbol table: for reports, not for loops. Throws std::bad_alloc.
[[nodiscard]] std::string symbol_at(std::uint64_t address);

/// The same without the heap, of a function in one file.
struct found_symbol {
  std::string_view name;      ///< mangled; empty: not known
  std::uint64_t offset;       ///< from the beginning of that function
  std::string_view build_id;  ///< its bytes; empty: there is none
};
/// Calls `take` once, with what is known of the code at `address`, relative to where the file's object is mapped. What
/// it is given lies in the file, which is mapped meanwhile. Allocates nothing, takes no lock. Throws
/// what `take` throws.
void with_symbol_at(const char* path, std::uint64_t address, void (*take)(const found_symbol&, void*), void* to);
template <class Take>
void with_symbol_at(const char* path, std::uint64_t address, Take take) {
  with_symbol_at(
      path, address, [](const found_symbol& found, void* to) { (*static_cast<Take*>(to))(found); }, &take);
}

/// Is this symbol one of Asio's, of the standard library's, or ours? It begins with its innermost function's scope,
/// where the demangled form may begin with a return type.
[[nodiscard]] bool is_plumbing_symbol(std::string_view symbol) noexcept;

/// Is it one of those behind which a stack tells nothing of who spawned a task?
[[nodiscard]] bool lends_thread_symbol(std::string_view symbol) noexcept;

}  // namespace tasks::detail

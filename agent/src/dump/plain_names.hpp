#pragma once

/// Names of functions and types without the heap: less pretty than common/names.hpp, which needs it.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "dump/last_words.hpp"

namespace tasks::detail {

/// A coroutine as a std::source_location has it: "worker(int)" of g++'s "void worker(worker(int)::_Z6workeri.Frame*)".
/// What has another form stays as it is.
void write_function(last_words& out, std::string_view compilers) noexcept;

/// What a symbol names, or std::type_info::name(): "lab::session" of "_ZN3lab7sessionEi.actor", without parameters.
/// What is more than names within names (templates, operators, …) stays as it is, for c++filt.
void write_symbol(last_words& out, std::string_view symbol) noexcept;

/// Code by its address: "lab::decode+0x1f (server+0x4a31, build id 5e7c…)", from the symbol table of its file, as far
/// as that can be read; the rest is for addr2line. Maps the file; neither allocates nor waits for the dynamic linker.
void write_code(last_words& out, std::uint64_t code) noexcept;
/// Writes the function alone, after `before`; false, and nothing, where it is unknown or not the program's own.
bool write_function_at(last_words& out, std::uint64_t code, std::string_view before) noexcept;
/// Is the function there Asio's, the standard library's, or ours?
[[nodiscard]] bool is_plumbing_at(std::uint64_t code) noexcept;
/// Does the function there lend its thread to tasks (io_context::run)? Its callers are the cause of nothing.
[[nodiscard]] bool lends_thread(std::uint64_t code) noexcept;

}  // namespace tasks::detail

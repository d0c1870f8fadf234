#pragma once

/// The bodies of a program's coroutines, by the symbols that compilers give them, and the functions by which Asio's
/// operations are told apart:
///
///   g++     _Z….Frame.actor, _Z….Frame.destroy      the function's own symbol is in the first, after its length
///   clang   _Z….resume, _Z….destroy, _Z….cleanup    the last one of frames that lie within their callers'
///
/// Link-time optimization appends .lto_priv.N, .llvm.N. All of these symbols are local: `strip` takes them, `strip -g`
/// does not.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "coroutines/address_map.hpp"
#include "linux/memory.hpp"
#include "symbols/modules.hpp"
#include "tasks/detail/layout.hpp"

namespace tasks::cache {
class CoroutineSymbols;
}  // namespace tasks::cache

namespace tasks::cli {

/// What resumes a coroutine.
struct coroutine_body {
  std::string symbol;  ///< without suffixes of the compiler's: "_Z5outeri"
  range code;          ///< its main part
  bool is_gnu = false;
  std::vector<std::uint64_t> destroyers;  ///< functions that destroy its frames
};

/// What a pointer in one of Asio's operations points to.
struct operation_function {
  tasks::layout::wait_kind waits_for = tasks::layout::wait_kind::other;
  bool is_first = false;    ///< that pointer is the object's first word, else its second
  std::string_view symbol;  ///< holds for as long as the program_code and its modules
};

class program_code {
 public:
  /// Reads the symbols of all modules. `code` must outlive it.
  explicit program_code(modules& code);

  [[nodiscard]] bool has_coroutines() const noexcept { return !bodies_.empty(); }
  /// Null: none begins there. Cheap for words that are no address of a body.
  [[nodiscard]] const coroutine_body* body_at(std::uint64_t address) const noexcept;
  /// What makes the frames that this function destroys; null: it is none that destroys frames.
  [[nodiscard]] const coroutine_body* body_destroyed_by(std::uint64_t address) const noexcept;
  /// Null: no operation's function begins there.
  [[nodiscard]] const operation_function* operation_at(std::uint64_t address) const noexcept;
  /// Of Asio's record of a descriptor, in its reactor; 0: not known.
  [[nodiscard]] std::uint64_t descriptor_state_function() const noexcept { return descriptor_state_function_; }
  [[nodiscard]] const std::vector<coroutine_body>& bodies() const noexcept { return bodies_; }

 private:
  /// By the symbol of the body, functions that destroy its frames.
  using destroyers = std::unordered_map<std::string_view, std::vector<std::uint64_t>>;

  void add(const cache::CoroutineSymbols& symbols, std::uint64_t bias, destroyers& to);
  void join(const destroyers& destroy);

  std::vector<coroutine_body> bodies_;
  address_map by_address_;                                         ///< index in bodies_
  std::unordered_map<std::uint64_t, std::uint32_t> by_destroyer_;  ///< likewise
  address_filter may_be_body_{0};                                  ///< asked first: nearly no word of a memory is one
  address_filter may_be_operation_{0};
  std::vector<operation_function> operations_;
  address_map operations_by_address_;  ///< index in operations_
  std::uint64_t descriptor_state_function_ = 0;
  std::vector<std::shared_ptr<const cache::CoroutineSymbols>> own_;  ///< of modules of which nothing is kept
};

/// What a symbol says of a coroutine.
struct coroutine_symbol {
  std::string_view function;  ///< its own symbol, a part of the one that was given
  bool is_gnu = false;
  bool destroys = false;  ///< it names what destroys the coroutine's frames, else the body
};

/// Nothing: it names neither the body of a coroutine nor what destroys its frames.
[[nodiscard]] std::optional<coroutine_symbol> parse_coroutine_symbol(std::string_view symbol) noexcept;

/// What an operation waits for, by the first of Asio's classes in the symbol of its function; other: none is known.
[[nodiscard]] tasks::layout::wait_kind kind_of_operation(std::string_view symbol) noexcept;

}  // namespace tasks::cli

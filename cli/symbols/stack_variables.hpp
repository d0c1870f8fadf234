#pragma once

/// Where the variables of functions that have been called and have not returned are, by debug information (DWARF 5, 2.6
/// and 3.3): in their frames, in registers, or in the places where a function further in has saved those.

#include <elfutils/libdw.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "symbols/modules.hpp"

namespace tasks::cli {

/// What a function will find in a register when control is in it again.
struct frame_register {
  std::uint64_t value = 0;
  std::uint64_t at = 0;  ///< where a function that it has called saved it; 0: nobody did
};

/// A function that has been called and has not returned.
struct code_frame {
  std::uint64_t address = 0;  ///< in the instruction that it is at, or that has called
  std::uint64_t end = 0;      ///< of its part of the stack: the canonical frame address
  /// By DWARF number; nothing: what the function has there is not known.
  std::vector<std::optional<frame_register>> registers;
};

/// One that is in scope. A variable in pieces is several.
struct stack_variable {
  Dwarf_Die die{};
  std::string name;                      ///< "work of run"; of functions that are inlined too
  std::uint64_t begin = 0, end = 0;      ///< its memory; empty: it is in a register that nobody has saved, …
  std::uint64_t value = 0;               ///< … and this
  bool is_at_distance_from_end = false;  ///< its memory is, in each call, as far from its frame's end
  bool is_saved_register = false;        ///< its memory is where a function further in has saved a register
};

class stack_variables {
 public:
  /// A word of the target's memory.
  using word_reader = std::function<std::optional<std::uint64_t>(std::uint64_t)>;

  stack_variables(modules& code, word_reader read) : code_(code), read_(std::move(read)) {}

  /// Those whose place is told; without those that are computed from others. Empty: there are none, or there is no
  /// debug information.
  [[nodiscard]] std::vector<stack_variable> of(const code_frame& frame);
  /// How many are in scope at an address that `is_wanted` says yes to, wherever they are.
  template <class Wanted>
  [[nodiscard]] std::size_t count_at(std::uint64_t address, Wanted is_wanted) {
    std::size_t count = 0;
    for (const auto& each : scopes_at(address).variables) count += is_wanted(each.die) ? 1U : 0U;
    return count;
  }

 private:
  struct entry {
    Dwarf_Die die;
    std::string name;
  };
  /// Of an address in code.
  struct scopes {
    Dwarf_Die function{};
    Dwarf_Addr address = 0;  ///< as debug information counts
    std::vector<entry> variables;
  };

  [[nodiscard]] const scopes& scopes_at(std::uint64_t address);
  [[nodiscard]] std::optional<std::uint64_t> evaluate(const Dwarf_Op* operations, std::size_t count,
                                                      const code_frame& frame,
                                                      std::optional<std::uint64_t> frame_base) const;
  [[nodiscard]] static std::span<const Dwarf_Op> frame_base_of(const scopes& in);
  [[nodiscard]] std::optional<std::uint64_t> frame_base(const scopes& in, const code_frame& frame) const;

  modules& code_;
  word_reader read_;
  std::unordered_map<std::uint64_t, scopes> known_;
};

}  // namespace tasks::cli

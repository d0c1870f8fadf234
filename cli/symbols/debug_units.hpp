#pragma once

/// Functions and lines at addresses of code, by debug information, for whoever reads more of it than names:
///
///   address ──> module ──> unit (by its own ranges) ──> function, and what is inlined in it there
///
/// Units are found by their own ranges: clang writes no .debug_aranges. With -gsplit-dwarf the unit with the functions
/// is in another file, and the lines stay.

#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "symbols/function_index.hpp"
#include "symbols/modules.hpp"

namespace tasks::cli {

struct source_line {
  std::string file;
  unsigned line = 0;  ///< 0: made by the compiler
};

class debug_units {
 public:
  /// `code` must outlive it.
  explicit debug_units(modules& code) : code_(code) {}

  [[nodiscard]] modules& code() const noexcept { return code_; }

  struct scope {
    /// Innermost first; the last one is no inlined one. Parts of that one, inlined in itself, are left out.
    std::vector<Dwarf_Die> functions;
    Dwarf_Die unit{};     ///< that has the lines
    Dwarf_Addr bias = 0;  ///< an address is this and what debug information says
  };
  /// Nothing: no debug information tells of a function there.
  [[nodiscard]] std::optional<scope> at(std::uint64_t address);
  /// Where the outermost function there is at: of what is inlined in it, the call.
  [[nodiscard]] std::optional<source_line> outermost_line(std::uint64_t address);

 private:
  struct unit_range {
    Dwarf_Addr begin, end;
    Dwarf_Off unit;
  };
  struct unit {
    Dwarf_Die lines{};
    Dwarf_Die functions{};
    std::unique_ptr<function_index> index;
  };
  struct module_units {
    Dwarf* dwarf = nullptr;
    Dwarf_Addr bias = 0;
    std::vector<unit_range> ranges;         ///< by begin
    std::map<Dwarf_Off, Dwarf_Die> splits;  ///< of units whose functions are in another file
    std::map<Dwarf_Off, unit> units;        ///< that were asked for
  };

  [[nodiscard]] module_units* of(std::uint64_t address);
  [[nodiscard]] static unit* open(module_units& in, Dwarf_Off at);

  modules& code_;
  std::map<Dwfl_Module*, module_units> modules_;
};

}  // namespace tasks::cli

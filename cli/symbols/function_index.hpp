#pragma once

/// The functions of one compilation unit by address. libdw's dwarf_getscopes() walks the whole unit at every call,
/// 20 ms for one of Asio's; this walks its namespaces once and then enters only the function that is asked for. Where
/// they have none at an address it walks everything, once too: g++ puts what is made of a lambda into the function
/// around it at -O0.

#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include <cstdint>
#include <vector>

namespace tasks::cli {

/// The unit at an address. Units without .debug_aranges (clang's) are asked one after another. libdwfl takes the last
/// unit that has them for that of all addresses behind it. Null: none is known.
[[nodiscard]] Dwarf_Die* unit_at(Dwfl_Module* module, std::uint64_t address, Dwarf_Addr& bias);

class function_index {
 public:
  /// `unit` must outlive the index.
  explicit function_index(Dwarf_Die& unit);

  /// The function at `address` and the functions inlined in it there, innermost first; empty: none.
  [[nodiscard]] std::vector<Dwarf_Die> chain_at(Dwarf_Addr address);

 private:
  struct range {
    Dwarf_Addr begin;
    Dwarf_Addr end;
    Dwarf_Off function;
  };
  void add_functions(Dwarf_Die& parent, bool within_others, int depth);
  void sort();
  [[nodiscard]] std::vector<Dwarf_Die> look_up(Dwarf_Addr address) const;
  static void find_inlined(Dwarf_Die within, Dwarf_Addr address, std::vector<Dwarf_Die>& outermost_first);

  Dwarf_Die* unit_;
  Dwarf* dwarf_;
  std::vector<range> ranges_;  ///< by begin
  bool is_deep_ = false;       ///< functions within others are in it, too
};

}  // namespace tasks::cli

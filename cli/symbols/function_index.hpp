#pragma once

/// The functions of one compilation unit by address. libdw's dwarf_getscopes() walks the whole unit at every call,
/// 20 ms for one of Asio's; this walks it once and then enters only the function that is asked for.

#include <elfutils/libdw.h>

#include <cstdint>
#include <vector>

namespace tasks::cli {

class function_index {
 public:
  /// `unit` must outlive the index.
  explicit function_index(Dwarf_Die& unit);

  /// The function at `address` and the functions inlined in it there, innermost first; empty: none.
  [[nodiscard]] std::vector<Dwarf_Die> chain_at(Dwarf_Addr address) const;

 private:
  struct range {
    Dwarf_Addr begin;
    Dwarf_Addr end;
    Dwarf_Off function;
  };
  void add_functions(Dwarf_Die& parent);
  static bool find_inlined(Dwarf_Die& parent, Dwarf_Addr address, std::vector<Dwarf_Die>& outermost_first);

  Dwarf* dwarf_;
  std::vector<range> ranges_;  ///< by begin
};

}  // namespace tasks::cli

#include "symbols/function_index.hpp"

#include <dwarf.h>

#include <algorithm>
#include <cstddef>

namespace tasks::cli {
namespace {

/// Namespaces, functions and classes within one another that are looked into. Only damaged debug information has more.
constexpr int most_nested_scopes = 256;

/// Calls `visit` with each child; stops when it returns true, and says so.
template <class Visit>
bool any_child(Dwarf_Die& parent, Visit visit) {
  Dwarf_Die child;
  if (dwarf_child(&parent, &child) != 0) return false;
  do {
    if (visit(child)) return true;
  } while (dwarf_siblingof(&child, &child) == 0);
  return false;
}

}  // namespace

Dwarf_Die* unit_at(Dwfl_Module* module, std::uint64_t address, Dwarf_Addr& bias) {
  Dwarf_Die* unit = dwfl_module_addrdie(module, address, &bias);
  if (unit && dwarf_haspc(unit, address - bias) == 1) return unit;
  unit = nullptr;
  while ((unit = dwfl_module_nextcu(module, unit, &bias)) != nullptr) {
    if (dwarf_haspc(unit, address - bias) == 1) return unit;
  }
  return nullptr;
}

function_index::function_index(Dwarf_Die& unit) : unit_(&unit), dwarf_(dwarf_cu_getdwarf(unit.cu)) {
  add_functions(unit, false, 0);
  sort();
}

void function_index::sort() {
  std::sort(ranges_.begin(), ranges_.end(), [](const range& a, const range& b) { return a.begin < b.begin; });
}

void function_index::add_functions(Dwarf_Die& parent, bool within_others, int depth) {
  if (depth > most_nested_scopes) return;
  any_child(parent, [&](Dwarf_Die& child) {
    const int tag = dwarf_tag(&child);
    if (tag == DW_TAG_subprogram) {
      Dwarf_Addr base = 0, begin = 0, end = 0;
      for (std::ptrdiff_t at = 0; (at = dwarf_ranges(&child, at, &base, &begin, &end)) > 0;) {
        ranges_.push_back({begin, end, dwarf_dieoffset(&child)});
      }
    }
    const bool may_have_some = tag == DW_TAG_subprogram || tag == DW_TAG_structure_type || tag == DW_TAG_class_type ||
                               tag == DW_TAG_lexical_block;
    if (tag == DW_TAG_namespace || (within_others && may_have_some)) add_functions(child, within_others, depth + 1);
    return false;
  });
}

void function_index::find_inlined(Dwarf_Die within, Dwarf_Addr address, std::vector<Dwarf_Die>& outermost_first) {
  const auto enter_next = [&] {
    return any_child(within, [&](Dwarf_Die& child) {
      const int tag = dwarf_tag(&child);
      if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_lexical_block) return false;
      if (dwarf_haspc(&child, address) != 1) return false;
      if (tag == DW_TAG_inlined_subroutine) outermost_first.push_back(child);
      within = child;
      return true;
    });
  };
  while (enter_next()) {
  }
}

std::vector<Dwarf_Die> function_index::chain_at(Dwarf_Addr address) {
  auto chain = look_up(address);
  if (!chain.empty() || is_deep_) return chain;
  is_deep_ = true;
  ranges_.clear();
  add_functions(*unit_, true, 0);
  sort();
  return look_up(address);
}

std::vector<Dwarf_Die> function_index::look_up(Dwarf_Addr address) const {
  std::vector<Dwarf_Die> chain;
  auto after = std::upper_bound(ranges_.begin(), ranges_.end(), address,
                                [](Dwarf_Addr at, const range& r) { return at < r.begin; });
  if (after == ranges_.begin()) return chain;
  const auto& found = *--after;
  Dwarf_Die function;
  if (address >= found.end || !dwarf_offdie(dwarf_, found.function, &function)) return chain;
  chain.push_back(function);
  find_inlined(function, address, chain);
  std::reverse(chain.begin(), chain.end());
  return chain;
}

}  // namespace tasks::cli

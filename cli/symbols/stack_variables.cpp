#include "symbols/stack_variables.hpp"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include <cstdlib>
#include <memory>
#include <span>
#include <utility>

namespace tasks::cli {
namespace {

struct freed_scope_list {
  void operator()(Dwarf_Die* scopes) const noexcept { std::free(scopes); }
};

/// The operations of an attribute at `address`; empty: it has none there.
std::span<const Dwarf_Op> operations_of(Dwarf_Die* die, unsigned which, Dwarf_Addr address) {
  Dwarf_Attribute attribute;
  Dwarf_Op* operations = nullptr;
  std::size_t count = 0;
  if (dwarf_attr(die, which, &attribute) == nullptr ||
      dwarf_getlocation_addr(&attribute, address, &operations, &count, 1) != 1)
    return {};
  return {operations, count};
}

Dwarf_Word size_of(Dwarf_Die* variable) {
  Dwarf_Attribute attribute;
  Dwarf_Die type;
  Dwarf_Word size = 0;
  if (dwarf_attr_integrate(variable, DW_AT_type, &attribute) == nullptr ||
      dwarf_formref_die(&attribute, &type) == nullptr || dwarf_peel_type(&type, &type) != 0 ||
      dwarf_aggregate_size(&type, &size) != 0)
    return sizeof(std::uint64_t);  // a reference, or what is not known: the word itself
  return size;
}

/// Does one of the places where a variable is, or a piece of it, cover this byte of the frame?
bool covers(std::span<const Dwarf_Op> places, Dwarf_Die* variable, std::int64_t byte) {
  for (std::size_t i = 0; i < places.size(); ++i) {
    const bool in_pieces = i + 1 < places.size() && places[i + 1].atom == DW_OP_piece;
    if (places[i].atom != DW_OP_fbreg || (!in_pieces && places.size() != 1)) continue;
    const auto begin = static_cast<std::int64_t>(places[i].number);
    const auto size = in_pieces ? places[i + 1].number : size_of(variable);
    if (byte >= begin && byte < begin + static_cast<std::int64_t>(size)) return true;
  }
  return false;
}

}  // namespace

std::optional<stack_variable> variable_at(modules& code, std::uint64_t address, std::int64_t from_end) {
  Dwfl* dwfl = code.dwfl();
  Dwarf_Addr bias = 0;
  Dwarf_Die* unit = dwfl != nullptr ? dwfl_addrdie(dwfl, address, &bias) : nullptr;
  Dwarf_Die* list = nullptr;
  const int count = unit != nullptr ? dwarf_getscopes(unit, address - bias, &list) : 0;
  const std::unique_ptr<Dwarf_Die[], freed_scope_list> scopes(list);
  std::optional<std::string> name;
  for (int i = 0; i < count; ++i) {
    auto* scope = &scopes[static_cast<std::size_t>(i)];
    Dwarf_Die child;
    for (int more = dwarf_child(scope, &child); more == 0 && !name; more = dwarf_siblingof(&child, &child)) {
      if (dwarf_tag(&child) != DW_TAG_variable && dwarf_tag(&child) != DW_TAG_formal_parameter) continue;
      if (!covers(operations_of(&child, DW_AT_location, address - bias), &child, from_end)) continue;
      const char* its = dwarf_diename(&child);
      name = its != nullptr ? its : "";
    }
    if (dwarf_tag(scope) != DW_TAG_subprogram) continue;
    const auto base = operations_of(scope, DW_AT_frame_base, address - bias);
    if (!name || base.size() != 1 || base[0].atom != DW_OP_call_frame_cfa) return std::nullopt;
    const char* function = dwarf_diename(scope);
    return stack_variable{function != nullptr ? function : "", *std::move(name)};
  }
  return std::nullopt;
}

}  // namespace tasks::cli

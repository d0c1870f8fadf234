#include "picture/asio_recycled.hpp"

#include <dwarf.h>
#include <elfutils/libdw.h>

#include <cstdlib>
#include <memory>
#include <string_view>

namespace tasks::cli {
namespace {

/// More than any Asio has.
constexpr std::uint64_t most_slots = 64;

struct freed_scopes {
  void operator()(Dwarf_Die* scopes) const noexcept { std::free(scopes); }
};

std::string_view name_of(Dwarf_Die* die) {
  const char* name = dwarf_diename(die);
  return name != nullptr ? name : "";
}

bool type_of(Dwarf_Die* of, Dwarf_Die& type) {
  Dwarf_Attribute attribute;
  return dwarf_attr_integrate(of, DW_AT_type, &attribute) != nullptr &&
         dwarf_formref_die(&attribute, &type) != nullptr && dwarf_peel_type(&type, &type) == 0;
}

/// The child of this kind and name; an empty name is anyone's.
bool child_of(Dwarf_Die* parent, int tag, std::string_view name, Dwarf_Die& child) {
  for (int more = dwarf_child(parent, &child); more == 0; more = dwarf_siblingof(&child, &child))
    if (dwarf_tag(&child) == tag && (name.empty() || name_of(&child) == name)) return true;
  return false;
}

bool is_first_member(Dwarf_Die* member) {
  Dwarf_Attribute attribute;
  Dwarf_Word offset = 1;
  return dwarf_attr(member, DW_AT_data_member_location, &attribute) != nullptr &&
         dwarf_formudata(&attribute, &offset) == 0 && offset == 0;
}

/// Of a thread_info: how many blocks it has room for, in an array that it begins with; 0: it is none.
std::uint64_t count_of(Dwarf_Die* type) {
  Dwarf_Die base, base_type, array, array_type;
  Dwarf_Word size = 0;
  if (name_of(type) != "scheduler_thread_info" || !child_of(type, DW_TAG_inheritance, {}, base) ||
      !is_first_member(&base) || !type_of(&base, base_type) || name_of(&base_type) != "thread_info_base" ||
      !child_of(&base_type, DW_TAG_member, "reusable_memory_", array) || !is_first_member(&array) ||
      !type_of(&array, array_type) || dwarf_tag(&array_type) != DW_TAG_array_type ||
      dwarf_aggregate_size(&array_type, &size) != 0)
    return 0;
  return size / sizeof(std::uint64_t);
}

/// An attribute that is one operation.
const Dwarf_Op* only_operation(Dwarf_Die* of, unsigned which, Dwarf_Addr address) {
  Dwarf_Attribute attribute;
  Dwarf_Op* operations = nullptr;
  std::size_t count = 0;
  if (dwarf_attr(of, which, &attribute) == nullptr ||
      dwarf_getlocation_addr(&attribute, address, &operations, &count, 1) != 1 || count != 1)
    return nullptr;
  return operations;
}

}  // namespace

std::optional<asio_recycled::slots> asio_recycled::slots_in(std::uint64_t address) const {
  Dwfl_Module* module = dwfl_addrmodule(code_.dwfl(), address);
  const char* symbol = module != nullptr ? dwfl_module_addrname(module, address) : nullptr;
  // Looking into the debug information of every frame would take long.
  if (symbol == nullptr || std::string_view(symbol).find("4asio6detail9scheduler") == std::string_view::npos)
    return std::nullopt;
  Dwarf_Addr bias = 0;
  Dwarf_Die* unit = dwfl_module_addrdie(module, address, &bias);
  Dwarf_Die* found = nullptr;
  const int count = unit != nullptr ? dwarf_getscopes(unit, address - bias, &found) : 0;
  const std::unique_ptr<Dwarf_Die[], freed_scopes> scopes(found);
  for (int i = 0; i < count; ++i) {
    Dwarf_Die variable, type;
    if (!child_of(&scopes[static_cast<std::size_t>(i)], DW_TAG_variable, "this_thread", variable) ||
        !type_of(&variable, type))
      continue;
    const auto slots_of_it = count_of(&type);
    if (slots_of_it == 0 || slots_of_it > most_slots) continue;
    // From a frame's base, which must be the end of it.
    for (int outer = i; outer < count; ++outer) {
      auto* function = &scopes[static_cast<std::size_t>(outer)];
      if (dwarf_tag(function) != DW_TAG_subprogram) continue;
      const auto* base = only_operation(function, DW_AT_frame_base, address - bias);
      const auto* place = only_operation(&variable, DW_AT_location, address - bias);
      if (base == nullptr || base->atom != DW_OP_call_frame_cfa || place == nullptr || place->atom != DW_OP_fbreg)
        return std::nullopt;
      return slots{static_cast<std::int64_t>(place->number), slots_of_it};
    }
  }
  return std::nullopt;
}

std::vector<std::uint64_t> asio_recycled::blocks_of(const frame_walk& thread) {
  std::vector<std::uint64_t> blocks;
  for (const auto& frame : thread.frames) {
    const auto [known, is_new] = known_.try_emplace(frame.address);
    if (is_new) known->second = slots_in(frame.address);
    if (!known->second) continue;
    const auto first = frame.end + static_cast<std::uint64_t>(known->second->from_end);
    for (std::uint64_t i = 0; i < known->second->count; ++i)
      if (const auto block = image_.word(first + 8 * i); block != 0) blocks.push_back(block);
  }
  return blocks;
}

}  // namespace tasks::cli

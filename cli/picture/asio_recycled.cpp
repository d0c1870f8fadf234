#include "picture/asio_recycled.hpp"

#include <dwarf.h>
#include <elfutils/libdw.h>

#include <string_view>

namespace tasks::cli {
namespace {

/// More than any Asio has.
constexpr std::uint64_t most_slots = 64;

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

}  // namespace

/// Looking into the debug information of every frame would take long.
bool asio_recycled::may_run_a_context(std::uint64_t address) const {
  Dwfl_Module* module = dwfl_addrmodule(code_.dwfl(), address);
  const char* symbol = module != nullptr ? dwfl_module_addrname(module, address) : nullptr;
  return symbol != nullptr && std::string_view(symbol).find("4asio6detail9scheduler") != std::string_view::npos;
}

std::vector<std::uint64_t> asio_recycled::blocks_of(const frame_walk& thread) {
  std::vector<std::uint64_t> blocks;
  for (const auto& frame : thread.frames) {
    if (!may_run_a_context(frame.address)) continue;
    for (auto& variable : variables_.of(frame)) {
      Dwarf_Die type;
      Dwarf_Word size = 0;
      if (name_of(&variable.die) != "this_thread" || !type_of(&variable.die, type) ||
          dwarf_aggregate_size(&type, &size) != 0 || variable.end - variable.begin != size)
        continue;
      const auto count = count_of(&type);
      if (count > most_slots) continue;
      for (std::uint64_t i = 0; i < count; ++i)
        if (const auto block = image_.word(variable.begin + 8 * i); block != 0) blocks.push_back(block);
    }
  }
  return blocks;
}

}  // namespace tasks::cli

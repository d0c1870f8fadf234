#include "picture/asio_recycled.hpp"

#include <dwarf.h>
#include <elfutils/libdw.h>

#include <optional>
#include <string_view>

#include "symbols/code_cache.hpp"
#include "symbols/code_symbols.hpp"

namespace tasks::cli {
namespace {

/// More than any Asio has.
constexpr std::uint64_t most_slots = 64;
constexpr std::uint64_t slot_size = 8;

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

/// Of a variable that is a thread_info: how many blocks it has room for, in an array that it begins with; 0: it is
/// none. `size`: of its memory, if that is known.
std::uint64_t count_of(Dwarf_Die* variable, std::optional<std::uint64_t> size_in_memory = std::nullopt) {
  Dwarf_Die its_type;
  auto* type = &its_type;
  Dwarf_Word whole = 0;
  if (name_of(variable) != "this_thread" || !type_of(variable, its_type) || dwarf_aggregate_size(type, &whole) != 0 ||
      (size_in_memory && *size_in_memory != whole))
    return 0;
  Dwarf_Die base, base_type, array, array_type;
  Dwarf_Word size = 0;
  if (name_of(type) != "scheduler_thread_info" || !child_of(type, DW_TAG_inheritance, {}, base) ||
      !is_first_member(&base) || !type_of(&base, base_type) || name_of(&base_type) != "thread_info_base" ||
      !child_of(&base_type, DW_TAG_member, "reusable_memory_", array) || !is_first_member(&array) ||
      !type_of(&array, array_type) || dwarf_tag(&array_type) != DW_TAG_array_type ||
      dwarf_aggregate_size(&array_type, &size) != 0)
    return 0;
  const auto count = size / sizeof(std::uint64_t);
  return count <= most_slots ? count : 0;
}

}  // namespace

/// Looking into the debug information of every frame would take long.
bool asio_recycled::may_run_a_context(std::uint64_t address) const {
  const auto symbol = symbol_near(code_, address);
  return symbol && symbol->name.find("4asio6detail9scheduler") != std::string::npos;
}

std::vector<std::uint64_t> asio_recycled::blocks_of(const frame_walk& thread) {
  std::vector<std::uint64_t> blocks;
  for (const auto& slots : slots_of(thread))
    for (auto at = slots.begin; at < slots.end; at += slot_size)
      if (const auto block = image_.word(at); block != 0) blocks.push_back(block);
  return blocks;
}

std::vector<range> asio_recycled::slots_of(const frame_walk& thread) {
  std::vector<range> slots;
  for (const auto& frame : thread.frames) {
    if (!may_run_a_context(frame.address)) continue;
    for (const auto& its : arrays_in(frame)) slots.push_back({its.begin, its.begin + its.count * slot_size});
  }
  return slots;
}

std::vector<asio_recycled::array> asio_recycled::arrays_in(const code_frame& frame) {
  std::vector<array> found;
  auto* kept = code_.kept_at(frame.address);
  if (kept != nullptr) {
    const auto known = kept->facts.recycled().find(kept->to_file(frame.address));
    if (known != kept->facts.recycled().end()) {
      for (const auto& place : known->second.places())
        if (place.count() <= most_slots)
          found.push_back({frame.end + static_cast<std::uint64_t>(place.distance()), place.count()});
      return found;
    }
  }
  bool is_decided_by_code = true;
  for (auto& variable : variables_.of(frame)) {
    const auto count = count_of(&variable.die, variable.end - variable.begin);
    if (count == 0) continue;
    found.push_back({variable.begin, count});
    is_decided_by_code = is_decided_by_code && variable.is_at_distance_from_end;
  }
  if (kept != nullptr && is_decided_by_code && kept->has_all_debug_information() &&
      variables_.count_at(frame.address, [](Dwarf_Die die) { return count_of(&die) != 0; }) == found.size())
    keep(*kept, frame, found);
  return found;
}

void asio_recycled::keep(kept_code& in, const code_frame& frame, const std::vector<array>& found) {
  auto& all = *in.facts.mutable_recycled();
  if (!kept_code::has_room_behind(all.size())) return;
  auto& its = all[in.to_file(frame.address)];
  for (const auto& each : found) {
    auto& place = *its.add_places();
    place.set_distance(static_cast<std::int64_t>(each.begin - frame.end));
    place.set_count(static_cast<std::uint32_t>(each.count));
  }
  in.changed();
}

}  // namespace tasks::cli

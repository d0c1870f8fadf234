#include "symbols/type_parts.hpp"

#include <dwarf.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "symbols/dwarf_types.hpp"

namespace tasks::cli {
namespace {

constexpr int deepest = 16;
constexpr std::size_t most_parts = 500;

/// A class template by its name, and by a member that is called as only the library's own are.
struct known_owner {
  std::string_view name, member;
  bool has_allocator = false;
};
constexpr std::array known_owners{
    known_owner{"basic_string<", "_M_dataplus", true},
    known_owner{"vector<", "_M_impl", true},
    known_owner{"shared_ptr<", "_M_refcount"},
    known_owner{"weak_ptr<", "_M_refcount"},
    known_owner{"function<", "_M_manager"},
    known_owner{"exception_ptr", "_M_exception_object"},
    known_owner{"awaitable<", "frame_"},
};

/// "vector<int, std::allocator<int> >": the last argument is one of the library's, which gives back what it took.
bool has_std_allocator(std::string_view name) {
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '<' && depth++ == 0) begin = i + 1;
    if (name[i] == '>') --depth;
    if (name[i] == ',' && depth == 1) begin = i + 1;
  }
  name.remove_prefix(begin);
  while (name.starts_with(' ')) name.remove_prefix(1);
  return name.starts_with("std::allocator<");
}

bool is_owner(Dwarf_Die& type) {
  const auto name = dwarf::name_of(type);
  for (const auto& each : known_owners)
    if (name.starts_with(each.name) && dwarf::find_member(type, each.member))
      return !each.has_allocator || has_std_allocator(name);
  return false;
}

bool add_executor(Dwarf_Die& type, std::uint64_t offset, type_parts& to) {
  if (dwarf::name_of(type) != "any_executor_base") return false;
  auto room = dwarf::find_member(type, "object_");
  const auto functions = dwarf::find_member(type, "object_fns_");
  const auto size = room ? dwarf::size_of(room->type) : 0;
  if (!functions || size == 0) return true;
  const auto begin = offset + room->offset;
  to.executors.push_back({{begin, begin + size}, offset + functions->offset});
  to.owners.push_back({offset, offset + dwarf::size_of(type)});
  return true;
}

bool is_class(Dwarf_Die& type) {
  const int tag = dwarf_tag(&type);
  return tag == DW_TAG_structure_type || tag == DW_TAG_class_type;
}

/// Where a member or a base class lies in its class. Nothing: it is a bit-field, or a virtual base, which is elsewhere.
std::optional<std::uint64_t> place_of(Dwarf_Die& child) {
  Dwarf_Attribute attribute;
  if (!dwarf_attr_integrate(&child, DW_AT_data_member_location, &attribute) ||
      dwarf_attr_integrate(&child, DW_AT_virtuality, &attribute) ||
      dwarf_attr_integrate(&child, DW_AT_bit_size, &attribute))
    return std::nullopt;
  return dwarf::offset_of(child);
}

/// Has objects: not a static member, which has no place either.
bool is_part(Dwarf_Die& child) {
  const int tag = dwarf_tag(&child);
  Dwarf_Attribute attribute;
  return (tag == DW_TAG_member && !dwarf_attr_integrate(&child, DW_AT_external, &attribute)) ||
         tag == DW_TAG_inheritance;
}

void add_parts(Dwarf_Die& type, std::uint64_t offset, int depth, type_parts& to) {
  if (!is_class(type) || depth > deepest || to.owners.size() >= most_parts || add_executor(type, offset, to)) return;
  if (is_owner(type)) {
    to.owners.push_back({offset, offset + dwarf::size_of(type)});
    return;
  }
  dwarf::each_child(type, [&](Dwarf_Die& child) {
    const auto place = is_part(child) ? place_of(child) : std::nullopt;
    if (auto part = place ? dwarf::type_of(child) : std::nullopt) add_parts(*part, offset + *place, depth + 1, to);
    return false;
  });
}

void mark(type_part part, std::vector<bool>& whole) {
  for (auto at = part.begin; at < std::min<std::uint64_t>(part.end, whole.size()); ++at) whole[at] = true;
}

/// A pointer has room between what is marked of these: padding that no member needs to be aligned.
bool has_room(const std::vector<bool>& whole, type_part part) {
  std::uint64_t free = 0;
  for (auto at = part.begin; at < std::min<std::uint64_t>(part.end, whole.size()); ++at) {
    free = whole[at] ? 0 : free + 1;
    if (free == sizeof(std::uint64_t)) return true;
  }
  return false;
}

/// False: not all of it is known.
bool mark_used(Dwarf_Die& type, std::uint64_t offset, int depth, std::vector<bool>& whole) {
  const auto size = dwarf::size_of(type);
  if (size == 0 || depth > deepest) return false;
  if (!is_class(type)) {
    mark({offset, offset + size}, whole);
    return true;
  }
  Dwarf_Attribute attribute;
  bool is_known = !dwarf_attr(&type, DW_AT_declaration, &attribute), is_empty = true;
  dwarf::each_child(type, [&](Dwarf_Die& child) {
    // That of who has virtual functions is a member, too.
    if (!is_part(child)) return false;
    const auto place = place_of(child);
    auto part = place ? dwarf::type_of(child) : std::nullopt;
    is_known = part && mark_used(*part, offset + *place, depth + 1, whole);
    is_empty = false;
    return !is_known;
  });
  // `struct alignas(64) room {};`: somebody makes his own objects there.
  const type_part all{offset, offset + size};
  if (is_empty || has_room(whole, all)) mark(all, whole);
  return is_known;
}

bool has_unaligned(Dwarf_Die& type, std::uint64_t offset, int depth) {
  constexpr std::uint64_t marked_alignment = 4;
  const auto size = dwarf::size_of(type);
  if (size < sizeof(std::uint64_t)) return false;
  if (!is_class(type) || depth > deepest) return offset % marked_alignment != 0;
  bool found = false;
  dwarf::each_child(type, [&](Dwarf_Die& child) {
    const auto place = is_part(child) ? place_of(child) : std::nullopt;
    if (auto part = place ? dwarf::type_of(child) : std::nullopt)
      found = has_unaligned(*part, offset + *place, depth + 1);
    return found;
  });
  // Of a class all of whose members are small, whoever has it may use it as a whole.
  return found || offset % marked_alignment != 0;
}

}  // namespace

void add_parts(Dwarf_Die type, std::uint64_t offset, type_parts& to) { add_parts(type, offset, 0, to); }

void add_used_bytes(Dwarf_Die type, std::uint64_t offset, std::vector<bool>& whole) {
  if (mark_used(type, offset, 0, whole)) return;
  const auto size = dwarf::size_of(type);
  mark({offset, size == 0 ? whole.size() : offset + size}, whole);
}

bool has_unaligned_words(Dwarf_Die type, std::uint64_t offset) { return has_unaligned(type, offset, 0); }

std::vector<padded_word> padded_words(const std::vector<bool>& used) {
  // Addresses have no more.
  constexpr std::uint64_t bytes_of_word = sizeof(std::uint64_t), bytes_of_address = 6;
  std::vector<padded_word> found;
  for (std::uint64_t at = 0; at + bytes_of_word <= used.size(); at += bytes_of_word) {
    padded_word here{at, 0};
    bool is_padded = false;
    for (std::uint64_t i = 0; i < bytes_of_word; ++i) {
      if (used[at + i]) here.kept |= std::uint64_t{0xff} << 8 * i;
      is_padded = is_padded || (!used[at + i] && i < bytes_of_address);
    }
    if (is_padded) found.push_back(here);
  }
  return found;
}

}  // namespace tasks::cli

#include "symbols/dwarf_types.hpp"

#include <dwarf.h>

#include <algorithm>

#include "type_names.hpp"
#include "utf8.hpp"

namespace tasks::cli::dwarf {
namespace {

/// Types, classes and unions within one another that are looked into.
constexpr int most_nested_types = 16;
/// Base classes and unnamed members of one class.
constexpr int most_parts = 100;
constexpr std::uint64_t farthest_member = std::uint64_t{1} << 24;
constexpr std::size_t longest_words = 120;

std::optional<member> find_member(Dwarf_Die& type, std::string_view name, int& parts_left, int depth) {
  std::optional<member> found;
  each_child(type, [&](Dwarf_Die& child) {
    const int tag = dwarf_tag(&child);
    if (tag != DW_TAG_member && tag != DW_TAG_inheritance) return false;
    const auto its_name = name_of(child);
    if (tag == DW_TAG_member && its_name == name) {
      if (const auto its_type = type_of(child)) found = member{offset_of(child), *its_type};
      return true;
    }
    const bool is_part = tag == DW_TAG_inheritance || its_name.empty();
    if (!is_part || depth >= most_nested_types || parts_left-- <= 0) return false;
    auto part = type_of(child);
    if (!part) return false;
    found = find_member(*part, name, parts_left, depth + 1);
    if (found) found->offset += offset_of(child);
    return found.has_value();
  });
  return found && found->offset < farthest_member ? found : std::nullopt;
}

/// What is written in front of what it points to, or qualifies.
std::string_view prefix_of(int tag) {
  if (tag == DW_TAG_const_type) return "const ";
  if (tag == DW_TAG_volatile_type) return "volatile ";
  return "";
}
std::string_view suffix_of(int tag) {
  if (tag == DW_TAG_pointer_type) return "*";
  if (tag == DW_TAG_reference_type) return "&";
  if (tag == DW_TAG_rvalue_reference_type) return "&&";
  if (tag == DW_TAG_array_type) return "[]";
  return "";
}

std::string with_namespace(std::string_view name) {
  for (const std::string_view text : {"basic_string<char,", "basic_string<char>"})
    if (name.starts_with(text)) return "std::string";
  for (const std::string_view text : {"basic_string_view<char,", "basic_string_view<char>"})
    if (name.starts_with(text)) return "std::string_view";
  for (const std::string_view known :
       {"vector<", "optional<", "unique_ptr<", "shared_ptr<", "weak_ptr<", "map<", "unordered_map<", "set<", "deque<",
        "list<", "array<", "pair<", "tuple<", "function<", "variant<", "atomic<"})
    if (name.starts_with(known)) return "std::" + std::string(name);
  if (name.starts_with("duration<") || name.starts_with("time_point<")) return "std::chrono::" + std::string(name);
  return std::string(name);
}

std::string words_of(Dwarf_Die type, int depth) {
  const int tag = dwarf_tag(&type);
  if (tag == DW_TAG_typedef) {
    // What a class is called says more than "value_type"; but nobody writes basic_string.
    auto peeled = type_of(type);
    const auto name = peeled ? name_of(*peeled) : std::string_view();
    if (auto known = with_namespace(name); known != name) return known;
    return std::string(name_of(type));
  }
  const auto prefix = prefix_of(tag), suffix = suffix_of(tag);
  if (!prefix.empty() || !suffix.empty()) {
    Dwarf_Attribute memory;
    Dwarf_Die inner;
    if (!dwarf_formref_die(dwarf_attr_integrate(&type, DW_AT_type, &memory), &inner))
      return std::string(prefix) + "void" + std::string(suffix);
    if (depth >= most_nested_types) return "…";
    return std::string(prefix) + words_of(inner, depth + 1) + std::string(suffix);
  }
  // -fdebug-types-section: its name is elsewhere.
  Dwarf_Attribute signature;
  Dwarf_Die whole;
  if (dwarf_attr(&type, DW_AT_signature, &signature) && dwarf_formref_die(&signature, &whole)) type = whole;
  const auto name = name_of(type);
  return name.empty() ? "unnamed" : with_namespace(name);
}

}  // namespace

std::string_view name_of(Dwarf_Die& die) {
  const char* name = dwarf_diename(&die);
  return name ? name : "";
}

std::optional<Dwarf_Die> type_of(Dwarf_Die& die) {
  Dwarf_Die type = die;
  for (int steps = 0; steps < most_nested_types; ++steps) {
    Dwarf_Attribute memory;
    if (!dwarf_attr_integrate(&type, DW_AT_type, &memory) || !dwarf_formref_die(&memory, &type)) return std::nullopt;
    // -fdebug-types-section: it is elsewhere, and this says where.
    if (dwarf_attr(&type, DW_AT_signature, &memory) && !dwarf_formref_die(&memory, &type)) return std::nullopt;
    const int tag = dwarf_tag(&type);
    if (tag != DW_TAG_typedef && tag != DW_TAG_const_type && tag != DW_TAG_volatile_type) return type;
  }
  return std::nullopt;
}

std::uint64_t offset_of(Dwarf_Die& member) {
  Dwarf_Attribute memory;
  Dwarf_Word at = 0;
  if (dwarf_attr_integrate(&member, DW_AT_data_member_location, &memory)) dwarf_formudata(&memory, &at);
  return at;
}

std::uint64_t size_of(Dwarf_Die& type) {
  Dwarf_Word size = 0;
  return dwarf_aggregate_size(&type, &size) == 0 ? size : 0;
}

std::optional<member> find_member(Dwarf_Die& type, std::string_view name) {
  int parts_left = most_parts;
  return find_member(type, name, parts_left, 0);
}

std::string type_words(Dwarf_Die& variable) {
  Dwarf_Attribute memory;
  Dwarf_Die type;
  if (!dwarf_formref_die(dwarf_attr_integrate(&variable, DW_AT_type, &memory), &type)) return "void";
  auto words = detail::simplify_types(words_of(type, 0));
  detail::make_utf8(words);
  if (words.size() <= longest_words) return words;
  // Names are ASCII but for what programs call so: not within one of theirs.
  auto end = longest_words;
  while (end > 0 && (static_cast<unsigned char>(words[end]) & 0xc0) == 0x80) --end;
  words.resize(end);
  return words + "…";
}

}  // namespace tasks::cli::dwarf

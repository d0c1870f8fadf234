#include "coroutines/variable_scopes.hpp"

#include <dwarf.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string_view>

#include "symbols/dwarf_types.hpp"

namespace tasks::cli {
namespace {

/// Blocks within one another that are looked into, and variables of one body.
constexpr int most_blocks = 64;
constexpr std::size_t most_variables = 1000;

/// g++'s NAME_depth_number. Nothing: it is no variable's, as far as its name says.
std::optional<std::string_view> without_numbers(std::string_view name) {
  for (int i = 0; i < 2; ++i) {
    const auto last = name.find_last_not_of("0123456789");
    if (last == name.npos || last == 0 || last + 1 == name.size() || name[last] != '_') return std::nullopt;
    name = name.substr(0, last);
  }
  return name;
}

struct declared {
  std::string_view name;
  bool is_parameter = false;
  bool is_in_scope = false;
  unsigned line = 0, column = 0;
  std::set<std::uint64_t> offsets;  ///< from the frame, that its locations say; none: they say none
};

/// The end of a location that leads through the frame's address: g++'s and clang's is {base, …, plus_uconst offset}, or
/// one register and the offset.
std::optional<std::uint64_t> offset_in_frame(const Dwarf_Op* operations, std::size_t count) {
  if (count == 0) return std::nullopt;
  const auto& last = operations[count - 1];
  if (count > 1 && last.atom == DW_OP_plus_uconst) return last.number;
  if (count == 1 && last.atom >= DW_OP_breg0 && last.atom <= DW_OP_breg31) return last.number;
  return std::nullopt;
}

void add_offsets(Dwarf_Die& variable, std::set<std::uint64_t>& to) {
  Dwarf_Attribute location;
  if (!dwarf_attr_integrate(&variable, DW_AT_location, &location)) return;
  Dwarf_Op* operations = nullptr;
  std::size_t count = 0;
  if (dwarf_whatform(&location) == DW_FORM_exprloc) {
    if (dwarf_getlocation(&location, &operations, &count) == 0)
      if (const auto at = offset_in_frame(operations, count)) to.insert(*at);
    return;
  }
  constexpr int most_ranges = 1000;
  Dwarf_Addr base = 0, begin = 0, end = 0;
  std::ptrdiff_t at = 0;
  for (int i = 0; i < most_ranges; ++i) {
    at = dwarf_getlocations(&location, at, &base, &begin, &end, &operations, &count);
    if (at <= 0) return;
    if (const auto offset = offset_in_frame(operations, count)) to.insert(*offset);
  }
}

unsigned number_of(Dwarf_Die& variable, unsigned which) {
  Dwarf_Attribute attribute;
  Dwarf_Word number = 0;
  dwarf_formudata(dwarf_attr_integrate(&variable, which, &attribute), &number);
  return static_cast<unsigned>(number);
}

/// All that a body declares, in scope at an address or not.
void find_declared(Dwarf_Die& scope, Dwarf_Addr address, bool is_in_scope, int depth, std::vector<declared>& found) {
  dwarf::each_child(scope, [&](Dwarf_Die& child) {
    const int tag = dwarf_tag(&child);
    // Awaiters and what else a compiler makes.
    Dwarf_Attribute artificial;
    const bool is_made = tag == DW_TAG_variable && dwarf_attr_integrate(&child, DW_AT_artificial, &artificial);
    if (!is_made && (tag == DW_TAG_variable || tag == DW_TAG_formal_parameter)) {
      auto& its = found.emplace_back();
      its.name = dwarf::name_of(child);
      its.is_parameter = tag == DW_TAG_formal_parameter;
      its.is_in_scope = is_in_scope;
      its.line = number_of(child, DW_AT_decl_line);
      its.column = number_of(child, DW_AT_decl_column);
      add_offsets(child, its.offsets);
    }
    if (tag == DW_TAG_lexical_block && depth < most_blocks)
      find_declared(child, address, is_in_scope && dwarf_haspc(&child, address) == 1, depth + 1, found);
    return found.size() >= most_variables;
  });
}

/// Which of the program's variables a member is; null: none that can be told.
const declared* which(const std::vector<declared>& all, std::string_view name, const frame_variable& member,
                      bool is_parameter) {
  const declared* found = nullptr;
  for (const auto& each : all) {
    if (each.name != name || each.is_parameter != is_parameter || !each.offsets.contains(member.offset)) continue;
    // In no case two of one name at one place: they may share it.
    if (found) return nullptr;
    found = &each;
  }
  return found;
}

}  // namespace

const std::vector<shown_variable>& variable_scopes::at(const coroutine_body& body, const frame_layout& layout,
                                                       std::uint64_t index) {
  const auto [known, is_new] = known_.try_emplace({body.code.begin, index});
  if (is_new && layout.is_known && layout.index_size != 0) find(body, layout, index, known->second);
  return known->second;
}

void variable_scopes::find(const coroutine_body& body, const frame_layout& layout, std::uint64_t index,
                           std::vector<shown_variable>& found) {
  const auto place = program_.lines.place_of(body, layout, index);
  std::vector<declared> all;
  if (auto scope = program_.debug.at(place.value_or(body.code.begin)))
    find_declared(scope->functions.back(), place.value_or(body.code.begin) - scope->bias, place.has_value(), 0, all);
  const auto& line = program_.lines.line_of(body, layout, index);
  std::vector<shown_variable> parameters, variables;
  for (const auto& each : program_.layouts.variables_of(body)) {
    const auto add = [&](std::string_view name, std::uint64_t order, std::vector<shown_variable>& to) {
      auto member = each.member;
      to.push_back({std::string(name), dwarf::type_words(member), &each, &to == &parameters, order});
    };
    // g++ puts parameters in front of the index, under their own names.
    const auto local = body.is_gnu ? without_numbers(each.name) : each.name;
    if (body.is_gnu && (!local || each.offset < layout.index)) {
      if (each.offset < layout.index) add(each.name, 0, parameters);
      continue;
    }
    // clang says of each which it is; what is neither is a temporary.
    if (const auto* its = body.is_gnu ? nullptr : which(all, each.name, each, true)) {
      add(each.name, static_cast<std::uint64_t>(its - all.data()), parameters);
      continue;
    }
    const auto* variable = which(all, *local, each, false);
    if (!variable || !variable->is_in_scope || (line && line->line != 0 && variable->line > line->line)) continue;
    if (!may_be_unborn(body, layout, each, index))
      add(*local, std::uint64_t{variable->line} << 32 | variable->column, variables);
  }
  for (auto* each : {&parameters, &variables}) {
    std::ranges::stable_sort(*each, {}, &shown_variable::order);
    std::move(each->begin(), each->end(), std::back_inserter(found));
  }
}

bool variable_scopes::may_be_unborn(const coroutine_body& body, const frame_layout& layout,
                                    const frame_variable& variable, std::uint64_t index) {
  const auto [known, is_new] = unborn_at_.try_emplace({body.code.begin, variable.offset});
  if (is_new) {
    auto type = variable.type;
    const range bytes{variable.offset, variable.offset + dwarf::size_of(type)};
    for (const auto& [stored, places] : program_.machine.find_stores(body, layout, bytes)) known->second.insert(stored);
  }
  return known->second.contains(index);
}

}  // namespace tasks::cli

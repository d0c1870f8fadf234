#include "symbols/stack_variables.hpp"

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "symbols/function_index.hpp"

namespace tasks::cli {
namespace {

/// The operations of an attribute at `address`; empty: it has none there.
std::span<const Dwarf_Op> operations_of(Dwarf_Die die, unsigned which, Dwarf_Addr address) {
  Dwarf_Attribute attribute;
  Dwarf_Op* operations = nullptr;
  std::size_t count = 0;
  if (dwarf_attr(&die, which, &attribute) == nullptr ||
      dwarf_getlocation_addr(&attribute, address, &operations, &count, 1) != 1)
    return {};
  return {operations, count};
}

Dwarf_Word size_of(Dwarf_Die variable) {
  Dwarf_Attribute attribute;
  Dwarf_Die type;
  Dwarf_Word size = 0;
  if (dwarf_attr_integrate(&variable, DW_AT_type, &attribute) == nullptr ||
      dwarf_formref_die(&attribute, &type) == nullptr || dwarf_peel_type(&type, &type) != 0 ||
      dwarf_aggregate_size(&type, &size) != 0)
    return sizeof(std::uint64_t);  // a reference, or what is not known: the word itself
  return size;
}

std::string name_of(Dwarf_Die die) {
  const char* name = dwarf_diename(&die);
  return name != nullptr ? name : "";
}

/// The register that a location is, or -1.
int register_of(std::span<const Dwarf_Op> location) {
  if (location.size() != 1) return -1;
  if (location[0].atom >= DW_OP_reg0 && location[0].atom <= DW_OP_reg31) return location[0].atom - DW_OP_reg0;
  return location[0].atom == DW_OP_regx ? static_cast<int>(location[0].number) : -1;
}

/// Does a frame base say that it is the end of its frame?
bool is_end(std::span<const Dwarf_Op> base) { return base.size() == 1 && base[0].atom == DW_OP_call_frame_cfa; }

/// Scopes within one another that are looked into. Only damaged debug information has more.
constexpr int most_nested_blocks = 256;

/// Visits what is declared in a scope and in those within it that hold the address.
template <class Visit>
void visit_variables(Dwarf_Die scope, Dwarf_Addr address, const std::string& function, const Visit& visit,
                     int depth = 0) {
  if (depth > most_nested_blocks) return;
  Dwarf_Die child;
  for (int more = dwarf_child(&scope, &child); more == 0; more = dwarf_siblingof(&child, &child)) {
    switch (dwarf_tag(&child)) {
      case DW_TAG_variable:
      case DW_TAG_formal_parameter:
        visit(child, function);
        break;
      case DW_TAG_inlined_subroutine:
        if (dwarf_haspc(&child, address) == 1) visit_variables(child, address, name_of(child), visit, depth + 1);
        break;
      case DW_TAG_lexical_block:
      case DW_TAG_try_block:
      case DW_TAG_catch_block:
        if (dwarf_haspc(&child, address) == 1) visit_variables(child, address, function, visit, depth + 1);
        break;
      default:
        break;
    }
  }
}

}  // namespace

const stack_variables::scopes& stack_variables::scopes_at(std::uint64_t address) {
  const auto [known, is_new] = known_.try_emplace(address);
  auto& its = known->second;
  Dwfl* dwfl = is_new ? code_.dwfl() : nullptr;
  Dwfl_Module* module = dwfl != nullptr ? dwfl_addrmodule(dwfl, address) : nullptr;
  Dwarf_Addr bias = 0;
  Dwarf_Die* unit = module != nullptr ? unit_at(module, address, bias) : nullptr;
  if (unit == nullptr) return its;
  its.address = address - bias;
  const auto functions = function_index(*unit).chain_at(its.address);
  if (functions.empty()) return its;
  its.function = functions.back();
  visit_variables(its.function, its.address, name_of(its.function), [&](const Dwarf_Die& die, const auto& function) {
    its.variables.push_back({die, fmt::format("{} of {}", name_of(die), function)});
  });
  return its;
}

std::optional<std::uint64_t> stack_variables::evaluate(const Dwarf_Op* operations, std::size_t count,
                                                       const code_frame& frame,
                                                       std::optional<std::uint64_t> frame_base) const {
  std::optional<std::uint64_t> value;
  const auto in_register = [&](std::uint64_t number) -> std::optional<std::uint64_t> {
    if (number >= frame.registers.size() || !frame.registers[number]) return std::nullopt;
    return frame.registers[number]->value;
  };
  for (const auto& each : std::span(operations, count)) {
    const bool begins = !value;
    if (each.atom == DW_OP_call_frame_cfa && begins) {
      value = frame.end;
    } else if (each.atom == DW_OP_fbreg && begins && frame_base) {
      value = *frame_base + each.number;
    } else if (each.atom >= DW_OP_breg0 && each.atom <= DW_OP_breg31 && begins) {
      if ((value = in_register(each.atom - DW_OP_breg0))) *value += each.number;
    } else if (each.atom == DW_OP_bregx && begins) {
      if ((value = in_register(each.number))) *value += each.number2;
    } else if (each.atom == DW_OP_plus_uconst && value) {
      *value += each.number;
    } else if (each.atom == DW_OP_deref && value) {
      value = read_(*value);
    } else {
      return std::nullopt;
    }
    if (!value) return std::nullopt;
  }
  return value;
}

std::span<const Dwarf_Op> stack_variables::frame_base_of(const scopes& in) {
  return operations_of(in.function, DW_AT_frame_base, in.address);
}

std::optional<std::uint64_t> stack_variables::frame_base(const scopes& in, const code_frame& frame) const {
  const auto base = frame_base_of(in);
  if (const auto number = register_of(base); number >= 0) {
    const auto index = static_cast<std::size_t>(number);
    if (index >= frame.registers.size() || !frame.registers[index]) return std::nullopt;
    return frame.registers[index]->value;
  }
  return evaluate(base.data(), base.size(), frame, std::nullopt);
}

std::vector<stack_variable> stack_variables::of(const code_frame& frame) {
  std::vector<stack_variable> found;
  const auto& in = scopes_at(frame.address);
  if (in.variables.empty()) return found;
  const auto base = frame_base(in, frame);
  const auto add = [&](const entry& variable, std::span<const Dwarf_Op> place, std::uint64_t size) {
    stack_variable its;
    its.die = variable.die;
    if (const auto number = register_of(place); number >= 0) {
      const auto index = static_cast<std::size_t>(number);
      if (index >= frame.registers.size() || !frame.registers[index]) return;
      const auto& saved = *frame.registers[index];
      its.value = saved.value;
      its.is_saved_register = saved.at != 0;
      its.begin = saved.at;
      its.end = saved.at != 0 ? saved.at + sizeof saved.value : 0;
    } else {
      const auto begin = evaluate(place.data(), place.size(), frame, base);
      if (!begin || size == 0 || *begin + size < *begin) return;
      its.begin = *begin;
      its.end = *begin + size;
      its.is_at_distance_from_end = place.size() == 1 && place[0].atom == DW_OP_fbreg && is_end(frame_base_of(in));
    }
    its.name = variable.name;
    found.push_back(std::move(its));
  };
  for (const auto& variable : in.variables) {
    const auto places = operations_of(variable.die, DW_AT_location, in.address);
    auto rest = places;
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (places[i].atom != DW_OP_piece) continue;
      const auto length = static_cast<std::size_t>(&places[i] - rest.data());
      if (length != 0) add(variable, rest.first(length), places[i].number);
      rest = rest.subspan(length + 1);
    }
    if (rest.size() == places.size() && !rest.empty()) add(variable, rest, size_of(variable.die));
  }
  return found;
}

}  // namespace tasks::cli

#include "symbols/debug_units.hpp"

#include <dwarf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

namespace tasks::cli {
namespace {

std::string absolute_path(Dwarf_Die& unit, const char* path) {
  if (path[0] == '/') return path;
  Dwarf_Attribute memory;
  const char* folder = dwarf_formstring(dwarf_attr(&unit, DW_AT_comp_dir, &memory));
  return folder ? fmt::format("{}/{}", folder, path) : std::string(path);
}

/// What g++ may do to a coroutine's body from -O2 on: a part of a function is split off, and inlined in it again.
bool is_part_of(Dwarf_Die& function, Dwarf_Die& inlined) {
  Dwarf_Attribute memory;
  Dwarf_Die its, of_inlined;
  return dwarf_formref_die(dwarf_attr(&function, DW_AT_abstract_origin, &memory), &its) &&
         dwarf_formref_die(dwarf_attr(&inlined, DW_AT_abstract_origin, &memory), &of_inlined) &&
         its.addr == of_inlined.addr;
}

}  // namespace

debug_units::module_units* debug_units::of(std::uint64_t address) {
  Dwfl* dwfl = code_.dwfl();
  Dwfl_Module* module = dwfl ? dwfl_addrmodule(dwfl, address) : nullptr;
  if (!module) return nullptr;
  const auto [known, is_new] = modules_.try_emplace(module);
  auto& its = known->second;
  if (!is_new) return its.dwarf ? &its : nullptr;
  its.dwarf = dwfl_module_getdwarf(module, &its.bias);
  Dwarf_CU* current = nullptr;
  Dwarf_Die die, split;
  std::uint8_t type = 0;
  while (its.dwarf && dwarf_get_units(its.dwarf, current, &current, nullptr, &type, &die, &split) == 0) {
    Dwarf_Addr base = 0, begin = 0, end = 0;
    for (std::ptrdiff_t at = 0; (at = dwarf_ranges(&die, at, &base, &begin, &end)) > 0;)
      its.ranges.push_back({begin, end, dwarf_dieoffset(&die)});
    if (type == DW_UT_skeleton && split.addr) its.splits[dwarf_dieoffset(&die)] = split;
  }
  std::sort(its.ranges.begin(), its.ranges.end(), [](const auto& a, const auto& b) { return a.begin < b.begin; });
  return its.dwarf ? &its : nullptr;
}

debug_units::unit* debug_units::open(module_units& in, Dwarf_Off at) {
  auto& its = in.units[at];
  if (its.index) return &its;
  if (!dwarf_offdie(in.dwarf, at, &its.lines)) return nullptr;
  const auto split = in.splits.find(at);
  its.functions = split == in.splits.end() ? its.lines : split->second;
  its.index = std::make_unique<function_index>(its.functions);
  return &its;
}

std::optional<debug_units::scope> debug_units::at(std::uint64_t address) {
  auto* in = of(address);
  if (!in) return std::nullopt;
  const auto local = address - in->bias;
  auto after = std::upper_bound(in->ranges.begin(), in->ranges.end(), local,
                                [](Dwarf_Addr each, const unit_range& range) { return each < range.begin; });
  // Ranges of units nest only where one of them says more than it has.
  constexpr int most_nested = 4;
  for (int tries = 0; after != in->ranges.begin() && tries < most_nested; ++tries) {
    --after;
    if (local >= after->end) continue;
    auto* its = open(*in, after->unit);
    if (!its) continue;
    auto found = its->index->chain_at(local);
    if (found.empty()) continue;
    while (found.size() > 1 && is_part_of(found.back(), found[found.size() - 2])) found.erase(found.end() - 2);
    return scope{std::move(found), its->lines, in->bias};
  }
  return std::nullopt;
}

std::optional<source_line> debug_units::outermost_line(std::uint64_t address) {
  auto found = at(address);
  if (!found) return std::nullopt;
  if (found->functions.size() > 1) {
    auto& inlined = found->functions[found->functions.size() - 2];
    Dwarf_Attribute memory;
    Dwarf_Word file = 0, line = 0;
    Dwarf_Files* files = nullptr;
    if (dwarf_formudata(dwarf_attr(&inlined, DW_AT_call_file, &memory), &file) == 0 &&
        dwarf_formudata(dwarf_attr(&inlined, DW_AT_call_line, &memory), &line) == 0 &&
        dwarf_getsrcfiles(&found->unit, &files, nullptr) == 0) {
      if (const char* path = dwarf_filesrc(files, file, nullptr, nullptr))
        return source_line{absolute_path(found->unit, path), static_cast<unsigned>(line)};
    }
  }
  Dwarf_Line* row = dwarf_getsrc_die(&found->unit, address - found->bias);
  int line = 0;
  if (!row || dwarf_lineno(row, &line) != 0) return std::nullopt;
  const char* path = dwarf_linesrc(row, nullptr, nullptr);
  return source_line{path ? absolute_path(found->unit, path) : "", static_cast<unsigned>(line)};
}

}  // namespace tasks::cli

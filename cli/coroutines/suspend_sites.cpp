#include "coroutines/suspend_sites.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <span>

#include "coroutines/instructions.hpp"

namespace tasks::cli {
namespace {

constexpr std::string_view suspending_function = "await_suspend";
constexpr int longest_look = 60;                                ///< in instructions
constexpr std::uint64_t longest_code = std::uint64_t{1} << 20;  ///< of one body

}  // namespace

std::optional<std::size_t> suspend_sites::body_code::at(std::uint64_t address) const {
  const auto found = std::lower_bound(instructions.begin(), instructions.end(), address,
                                      [](const instruction& each, std::uint64_t to) { return each.address < to; });
  if (found == instructions.end() || found->address != address) return std::nullopt;
  return static_cast<std::size_t>(found - instructions.begin());
}

/// All of it: what is unlikely to run lies elsewhere where it is optimized. By address, and disjoint.
std::vector<range> suspend_sites::ranges_of(const coroutine_body& body) {
  std::vector<range> found;
  if (auto scope = debug_.at(body.code.begin)) {
    Dwarf_Addr base = 0, begin = 0, end = 0;
    for (std::ptrdiff_t at = 0; (at = dwarf_ranges(&scope->functions.back(), at, &base, &begin, &end)) > 0;)
      found.push_back({begin + scope->bias, end + scope->bias});
  }
  if (found.empty()) found.push_back(body.code);
  std::sort(found.begin(), found.end(), [](const range& a, const range& b) { return a.begin < b.begin; });
  std::uint64_t behind = 0, left = longest_code;
  for (auto& each : found) {
    each.begin = std::max(each.begin, behind);
    each.end = std::max(each.end, each.begin);
    each.end = each.begin + std::min(each.end - each.begin, left);
    left -= each.end - each.begin;
    behind = each.end;
  }
  return found;
}

void suspend_sites::decode(range where, body_code& to, std::vector<std::uint64_t>& targets) {
  std::vector<unsigned char> bytes(where.end - where.begin);
  bytes.resize(code_.read(where.begin, bytes.data(), bytes.size()));
  for (std::size_t at = 0; at < bytes.size();) {
    const auto address = where.begin + at;
    const auto decoded = decode_instruction(std::span<const unsigned char>(bytes).subspan(at), address);
    if (!decoded) {
      ++at;
      continue;
    }
    at += decoded->length;
    instruction made;
    made.address = address;
    switch (decoded->does) {
      case machine_operation::leave_function:
        made.is = kind::end;
        break;
      case machine_operation::call:
        made.is = kind::call;
        made.target = decoded->target();
        break;
      case machine_operation::jump:
        made.target = decoded->target();
        made.is = made.target != 0 ? kind::jump : kind::end;
        if (made.target != 0) targets.push_back(made.target);
        break;
      case machine_operation::jump_if:
        targets.push_back(decoded->target());
        break;
      default:
        break;
    }
    to.instructions.push_back(made);
  }
}

const suspend_sites::body_code& suspend_sites::code_of(const coroutine_body& body, const frame_layout& layout) {
  const auto [known, is_new] = known_.try_emplace(body.code.begin);
  auto& its = known->second;
  if (!is_new || layout.index_size == 0) return its;
  std::vector<std::uint64_t> targets;
  for (const auto& each : ranges_of(body)) decode(each, its, targets);
  for (const auto target : targets) {
    if (const auto at = its.at(target)) its.instructions[*at].is_target = true;
  }
  for (const auto& [index, places] : machine_.find_stores(body, layout)) {
    for (const auto place : places) {
      const auto at = its.at(place);
      if (!at) continue;
      its.stores[index].push_back(*at);
      its.instructions[*at].stores_index = true;
    }
  }
  return its;
}

const std::string& suspend_sites::symbol_at(std::uint64_t address) {
  const auto [known, is_new] = symbols_.try_emplace(address);
  if (!is_new) return known->second;
  Dwfl* dwfl = modules_.dwfl();
  Dwfl_Module* module = dwfl ? dwfl_addrmodule(dwfl, address) : nullptr;
  const char* name = module ? dwfl_module_addrname(module, address) : nullptr;
  if (name) known->second = name;
  return known->second;
}

bool suspend_sites::has_call(std::uint64_t address, std::uint64_t called, std::string_view function) {
  auto scope = debug_.at(address);
  if (scope && scope->functions.size() > 1) {
    const char* name = dwarf_diename(&scope->functions[scope->functions.size() - 2]);
    return name && std::string_view(name).starts_with(function);
  }
  return called != 0 && symbol_at(called).find(fmt::format("{}{}", function.size(), function)) != std::string::npos;
}

std::optional<source_line> suspend_sites::suspends_at(const instruction& at) {
  if (!has_call(at.address, at.is == kind::call ? at.target : 0, suspending_function)) return std::nullopt;
  return debug_.outermost_line(at.address);
}

/// What runs after the store, until it returns.
void suspend_sites::look_ahead(const body_code& in, std::size_t store, site& found) {
  bool is_behind_jump = false;
  auto i = store;
  for (int steps = 0; steps < longest_look && i < in.instructions.size(); ++steps) {
    const auto& each = in.instructions[i];
    if (auto line = suspends_at(each)) {
      (is_behind_jump ? found.merged : found.certain) = std::move(line);
      return;
    }
    if (each.is == kind::end || (i != store && each.stores_index)) return;
    if (each.is == kind::jump) {
      const auto to = in.at(each.target);
      if (!to) return;
      i = *to;
      is_behind_jump = true;
    } else if (++i < in.instructions.size() && in.instructions[i].is_target) {
      is_behind_jump = true;  // others come here, too
    }
  }
}

void suspend_sites::look_back(const body_code& in, std::size_t store, site& found) {
  auto i = store;
  for (int steps = 0; steps < longest_look && !found.certain; ++steps) {
    if (i == 0 || in.instructions[i].is_target) return;
    const auto& each = in.instructions[--i];
    if (each.is == kind::end || each.is == kind::jump || each.stores_index) return;
    found.certain = suspends_at(each);
  }
}

suspend_sites::site suspend_sites::find(const coroutine_body& body, const frame_layout& layout, std::uint64_t index) {
  site found;
  const auto& its = code_of(body, layout);
  const auto stores = its.stores.find(index);
  if (stores == its.stores.end()) return found;
  for (const auto store : stores->second) {
    if (!found.store || found.store->line == 0) found.store = debug_.outermost_line(its.instructions[store].address);
    look_ahead(its, store, found);
    look_back(its, store, found);
    if (found.certain) break;
  }
  return found;
}

std::optional<std::uint64_t> suspend_sites::place_of(const coroutine_body& body, const frame_layout& layout,
                                                     std::uint64_t index) {
  const auto& its = code_of(body, layout);
  const auto stores = its.stores.find(index);
  if (stores == its.stores.end()) return std::nullopt;
  return its.instructions[stores->second.front()].address;
}

}  // namespace tasks::cli

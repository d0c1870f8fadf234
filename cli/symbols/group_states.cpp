#include "symbols/group_states.hpp"

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <symbols/code_facts.pb.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "symbols/code_cache.hpp"
#include "symbols/debug_units.hpp"
#include "symbols/dwarf_types.hpp"

namespace tasks::cli {
namespace {

/// Functions of a class of whose symbols both are known.
struct class_symbols {
  std::uint64_t table = 0, dispose = 0;
};

/// A symbol's class, if it is that of std::shared_ptr's that holds Asio's state of a group; else empty.
std::string_view group_class(std::string_view symbol, std::string_view before, std::string_view behind) {
  if (!symbol.starts_with(before) || !symbol.ends_with(behind)) return {};
  symbol.remove_prefix(before.size());
  symbol.remove_suffix(behind.size());
  for (const std::string_view begin : {"St23_Sp_counted_ptr_inplaceIN4asio12experimental6detail20parallel_group_stateI",
                                       "St23_Sp_counted_ptr_inplaceIN5boost4asio12experimental6detail20"
                                       "parallel_group_stateI"})
    if (symbol.starts_with(begin)) return symbol;
  return {};
}

/// `bias`: what is subtracted from addresses.
cache::GroupStates read_symbols(Dwfl_Module* module, std::uint64_t bias) {
  // What a virtual table's address points behind: the offset to the object's begin, and its type.
  constexpr std::uint64_t before_functions = 16;
  std::map<std::string, class_symbols, std::less<>> found;
  const int count = dwfl_module_getsymtab(module);
  for (int i = 1; i < count; ++i) {
    GElf_Sym symbol;
    GElf_Addr address = 0;
    const char* name = dwfl_module_getsym_info(module, i, &symbol, &address, nullptr, nullptr, nullptr);
    if (!name || symbol.st_shndx == SHN_UNDEF || address == 0) continue;
    if (const auto its = group_class(name, "_ZTV", ""); !its.empty())
      found[std::string(its)].table = address - bias + before_functions;
    else if (const auto of = group_class(name, "_ZN", "10_M_disposeEv"); !of.empty())
      found[std::string(of)].dispose = address - bias;
  }
  cache::GroupStates states;
  for (const auto& [name, its] : found) {
    if (its.table == 0 || its.dispose == 0) continue;
    states.add_tables(its.table);
    states.add_disposers(its.dispose);
  }
  return states;
}

/// Of an earlier look, else of the table.
const cache::GroupStates& symbols_of(Dwfl_Module* module, kept_code& kept) {
  const auto& known = kept.facts.groups();
  if (!kept.facts.has_groups() || known.tables_size() != known.disposers_size()) {
    *kept.facts.mutable_groups() = read_symbols(module, kept.to_memory(0));
    kept.changed();
  }
  return kept.facts.groups();
}

/// Without classes that share a function (identical code folding): debug information tells of one of them.
std::vector<class_symbols> classes_of(modules& code) {
  std::vector<Dwfl_Module*> all;
  if (code.dwfl() == nullptr) return {};
  dwfl_getmodules(
      code.dwfl(),
      [](Dwfl_Module* module, void**, const char*, Dwarf_Addr, void* to) {
        static_cast<std::vector<Dwfl_Module*>*>(to)->push_back(module);
        return static_cast<int>(DWARF_CB_OK);
      },
      &all, 0);
  std::vector<class_symbols> found;
  std::map<std::uint64_t, int> users;
  const auto add = [&](const cache::GroupStates& states, std::uint64_t bias) {
    for (int i = 0; i < states.tables_size(); ++i) {
      found.push_back({states.tables(i) + bias, states.disposers(i) + bias});
      ++users[found.back().dispose];
    }
  };
  for (auto* module : all) {
    if (auto* kept = code.kept_of(module))
      add(symbols_of(module, *kept), kept->to_memory(0));
    else
      add(read_symbols(module, 0), 0);
  }
  std::erase_if(found, [&](const class_symbols& each) { return users[each.dispose] != 1; });
  return found;
}

/// Of a member function's `this`.
std::optional<Dwarf_Die> class_of(Dwarf_Die& function) {
  std::optional<Dwarf_Die> found;
  dwarf::each_child(function, [&](Dwarf_Die& child) {
    if (dwarf_tag(&child) != DW_TAG_formal_parameter) return false;
    auto pointer = dwarf::type_of(child);
    if (pointer && dwarf_tag(&*pointer) == DW_TAG_pointer_type) found = dwarf::type_of(*pointer);
    return true;
  });
  return found;
}

std::optional<Dwarf_Die> first_argument(Dwarf_Die& type) {
  std::optional<Dwarf_Die> found;
  dwarf::each_child(type, [&](Dwarf_Die& child) {
    if (dwarf_tag(&child) != DW_TAG_template_type_parameter) return false;
    found = dwarf::type_of(child);
    return true;
  });
  return found;
}

std::optional<group_state_layout::result> result_in(Dwarf_Die& type, std::uint64_t offset) {
  auto value = dwarf::find_member(type, "u_");
  auto has_value = dwarf::find_member(type, "has_value_");
  if (!value || !has_value || dwarf::size_of(has_value->type) != sizeof(bool)) return std::nullopt;
  const auto size = dwarf::size_of(value->type);
  const bool is_union = dwarf_tag(&value->type) == DW_TAG_union_type;
  if (!is_union || size == 0 || value->offset + size > has_value->offset) return std::nullopt;
  return group_state_layout::result{offset + value->offset, size, offset + has_value->offset};
}

/// Of a tuple, all that lie in its bases. False: one of them is not known.
bool add_results(Dwarf_Die& type, std::uint64_t offset, int depth, std::vector<group_state_layout::result>& to) {
  constexpr int deepest = 64;
  constexpr std::size_t most = 64;
  if (depth >= deepest || to.size() >= most) return false;
  if (dwarf::name_of(type).starts_with("parallel_group_op_result<")) {
    const auto result = result_in(type, offset);
    if (result) to.push_back(*result);
    return result.has_value();
  }
  bool all_known = true;
  dwarf::each_child(type, [&](Dwarf_Die& child) {
    const int tag = dwarf_tag(&child);
    if (tag != DW_TAG_member && tag != DW_TAG_inheritance) return false;
    auto part = dwarf::type_of(child);
    all_known = part && add_results(*part, offset + dwarf::offset_of(child), depth + 1, to);
    return !all_known;
  });
  return all_known;
}

bool is_inside(const group_state_layout& layout) {
  return layout.owners + sizeof(std::uint32_t) <= layout.size && layout.order.end <= layout.size &&
         layout.completed + sizeof(std::uint32_t) <= layout.size &&
         layout.outstanding + sizeof(std::uint32_t) <= layout.size &&
         std::all_of(layout.results.begin(), layout.results.end(),
                     [&](const auto& each) { return each.has_value < layout.size; }) &&
         std::all_of(layout.executors.begin(), layout.executors.end(), [&](const executor_part& each) {
           return each.room.end <= layout.size && each.functions + sizeof(std::uint64_t) <= layout.size;
         });
}

std::optional<group_state_layout> read_layout(debug_units& debug, const class_symbols& symbols) {
  auto scope = debug.at(symbols.dispose);
  if (!scope || scope->functions.empty()) return std::nullopt;
  auto holder = class_of(scope->functions.back());
  if (!holder || !dwarf::name_of(*holder).starts_with("_Sp_counted_ptr_inplace<")) return std::nullopt;
  auto state = first_argument(*holder);
  if (!state || !dwarf::name_of(*state).starts_with("parallel_group_state<")) return std::nullopt;
  const auto owners = dwarf::find_member(*holder, "_M_use_count");
  auto parts = dwarf::find_member(*holder, "_M_impl");
  const auto storage = parts ? dwarf::find_member(parts->type, "_M_storage") : std::nullopt;
  const auto completed = dwarf::find_member(*state, "completed_");
  const auto outstanding = dwarf::find_member(*state, "outstanding_");
  auto handler = dwarf::find_member(*state, "handler_");
  auto results = handler ? dwarf::find_member(handler->type, "args_") : std::nullopt;
  if (!owners || !storage || !completed || !outstanding || !results) return std::nullopt;
  const auto begin = parts->offset + storage->offset;
  group_state_layout layout{symbols.table,
                            dwarf::size_of(*holder),
                            owners->offset,
                            begin + completed->offset,
                            begin + outstanding->offset,
                            {},
                            {},
                            {},
                            {}};
  if (!add_results(results->type, begin + handler->offset + results->offset, 0, layout.results)) return std::nullopt;
  type_parts of_state;
  add_parts(*state, begin, of_state);
  layout.executors = std::move(of_state.executors);
  std::vector<bool> used(layout.size);
  std::fill_n(used.begin(), std::min(begin, layout.size), true);
  add_used_bytes(*state, begin, used);
  layout.padded = padded_words(used);
  if (auto order = dwarf::find_member(handler->type, "completion_order_")) {
    const auto at = begin + handler->offset + order->offset;
    layout.order = {at, at + dwarf::size_of(order->type)};
  }
  return is_inside(layout) ? std::optional(std::move(layout)) : std::nullopt;
}

}  // namespace

std::vector<group_state_layout> group_states_of(modules& code) {
  std::vector<group_state_layout> found;
  debug_units debug(code);
  for (const auto& each : classes_of(code))
    if (auto layout = read_layout(debug, each)) found.push_back(*std::move(layout));
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.table < b.table; });
  return found;
}

}  // namespace tasks::cli

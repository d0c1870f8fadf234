#include "hookless/frame_layout.hpp"

#include <dwarf.h>

#include <optional>
#include <string_view>

namespace tasks::cli {
namespace {

/// Classes and blocks within one another that are looked into.
constexpr int most_nested = 16;
/// A frame that is larger is none.
constexpr std::uint64_t largest_frame = std::uint64_t{1} << 24;

/// Until `visit` returns true.
template <class Visit>
void each_child(Dwarf_Die& parent, Visit visit) {
  Dwarf_Die child;
  if (dwarf_child(&parent, &child) != 0) return;
  do {
    if (visit(child)) return;
  } while (dwarf_siblingof(&child, &child) == 0);
}

std::string_view die_name(Dwarf_Die& die) {
  const char* name = dwarf_diename(&die);
  return name ? name : "";
}

/// Without qualifiers and other names for it.
std::optional<Dwarf_Die> type_of(Dwarf_Die& die) {
  Dwarf_Die type = die;
  for (int steps = 0; steps < most_nested; ++steps) {
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

/// Of a base class, too. Looks into `bases_left` of them at most.
std::optional<std::uint64_t> find_member(Dwarf_Die& type, std::string_view name, int& bases_left, int depth = 0) {
  std::optional<std::uint64_t> found;
  each_child(type, [&](Dwarf_Die& child) {
    const int tag = dwarf_tag(&child);
    if (tag == DW_TAG_member && die_name(child) == name) found = offset_of(child);
    if (tag == DW_TAG_inheritance && depth < most_nested && bases_left-- > 0)
      if (auto base = type_of(child))
        if (const auto inner = find_member(*base, name, bases_left, depth + 1)) found = offset_of(child) + *inner;
    return found.has_value();
  });
  return found && *found < largest_frame ? found : std::nullopt;
}

std::optional<std::uint64_t> find_member(Dwarf_Die& type, std::string_view name) {
  int bases_left = 100;
  return find_member(type, name, bases_left);
}

/// g++ has it as the type that its parameter frame_ptr points to, clang as that of its variable __coro_frame.
std::optional<Dwarf_Die> find_frame_type(Dwarf_Die& scope, int depth = 0) {
  std::optional<Dwarf_Die> found;
  each_child(scope, [&](Dwarf_Die& child) {
    const int tag = dwarf_tag(&child);
    if (tag == DW_TAG_formal_parameter && die_name(child) == "frame_ptr") {
      if (auto pointer = type_of(child); pointer && dwarf_tag(&*pointer) == DW_TAG_pointer_type)
        found = type_of(*pointer);
    } else if (tag == DW_TAG_variable && die_name(child) == "__coro_frame") {
      found = type_of(child);
    } else if (tag == DW_TAG_lexical_block && depth < most_nested) {
      found = find_frame_type(child, depth + 1);
    }
    return found.has_value();
  });
  return found;
}

/// clang's has few bits.
std::uint32_t size_of_index(Dwarf_Die& member) {
  Dwarf_Attribute memory;
  Dwarf_Word bits = 0;
  if (dwarf_attr(&member, DW_AT_bit_size, &memory) && dwarf_formudata(&memory, &bits) == 0 && bits >= 1 && bits <= 64)
    return static_cast<std::uint32_t>((bits + 7) / 8);
  auto type = type_of(member);
  const auto size = type ? size_of(*type) : 0;
  return size >= 1 && size <= 8 ? static_cast<std::uint32_t>(size) : 1;
}

bool is_made_by_compiler(std::string_view name) {
  return name.empty() || name.starts_with("_Coro_") || name.starts_with("__") || name.starts_with("D.");
}

void take_promise(Dwarf_Die& promise, frame_layout& to) {
  to.promise_size = size_of(promise);
  const auto coro = find_member(promise, "coro_"), attached = find_member(promise, "attached_thread_"),
             caller = find_member(promise, "caller_");
  if (!coro || !attached || !caller) return;
  to.is_asio = true;
  to.coro = to.promise + *coro;
  to.attached_thread = to.promise + *attached;
  to.caller = to.promise + *caller;
  const auto top = find_member(promise, "top_of_stack_");
  to.is_entry = top.has_value();
  to.top_of_stack = top ? to.promise + *top : 0;
}

frame_layout read_layout(Dwarf_Die& type) {
  frame_layout its;
  its.size = size_of(type);
  std::optional<Dwarf_Die> promise;
  each_child(type, [&](Dwarf_Die& child) {
    if (dwarf_tag(&child) != DW_TAG_member) return false;
    const auto name = die_name(child);
    const auto at = offset_of(child);
    if (at >= largest_frame) return false;
    if (name == "_Coro_promise" || name == "__promise") {
      its.promise = at;
      promise = type_of(child);
    } else if (name == "_Coro_resume_index" || name == "__coro_index") {
      its.index = at;
      its.index_size = size_of_index(child);
    } else if (!is_made_by_compiler(name)) {
      if (auto its_type = type_of(child)) its.variables.push_back({std::string(name), at, *its_type});
    }
    return false;
  });
  its.is_known = its.size < largest_frame;
  if (promise) take_promise(*promise, its);
  return its;
}

}  // namespace

frame_layout& frame_layouts::of(const coroutine_body& body) {
  const auto [known, is_new] = known_.try_emplace(&body);
  if (!is_new) return known->second;
  auto scope = debug_.at(body.code.begin);
  if (!scope) return known->second;
  if (auto type = find_frame_type(scope->functions.back()))
    if (auto its = read_layout(*type); its.is_known) known->second = std::move(its);
  return known->second;
}

}  // namespace tasks::cli

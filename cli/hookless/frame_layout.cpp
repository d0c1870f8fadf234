#include "hookless/frame_layout.hpp"

#include <dwarf.h>

#include <optional>
#include <string_view>

#include "symbols/dwarf_types.hpp"

namespace tasks::cli {
namespace {

using dwarf::each_child;
using dwarf::find_member;
using dwarf::offset_of;
using dwarf::size_of;
using dwarf::type_of;

/// Blocks within one another that are looked into.
constexpr int most_nested = 16;
/// A frame that is larger is none.
constexpr std::uint64_t largest_frame = std::uint64_t{1} << 24;

/// g++ has it as the type that its parameter frame_ptr points to, clang as that of its variable __coro_frame.
std::optional<Dwarf_Die> find_frame_type(Dwarf_Die& scope, int depth = 0) {
  std::optional<Dwarf_Die> found;
  each_child(scope, [&](Dwarf_Die& child) {
    const int tag = dwarf_tag(&child);
    if (tag == DW_TAG_formal_parameter && dwarf::name_of(child) == "frame_ptr") {
      if (auto pointer = type_of(child); pointer && dwarf_tag(&*pointer) == DW_TAG_pointer_type)
        found = type_of(*pointer);
    } else if (tag == DW_TAG_variable && dwarf::name_of(child) == "__coro_frame") {
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
  to.coro = to.promise + coro->offset;
  to.attached_thread = to.promise + attached->offset;
  to.caller = to.promise + caller->offset;
  const auto top = find_member(promise, "top_of_stack_");
  to.is_entry = top.has_value();
  to.top_of_stack = top ? to.promise + top->offset : 0;
}

frame_layout read_layout(Dwarf_Die& type) {
  frame_layout its;
  its.size = size_of(type);
  std::optional<Dwarf_Die> promise;
  each_child(type, [&](Dwarf_Die& child) {
    if (dwarf_tag(&child) != DW_TAG_member) return false;
    const auto name = dwarf::name_of(child);
    const auto at = offset_of(child);
    if (at >= largest_frame) return false;
    if (name == "_Coro_promise" || name == "__promise") {
      its.promise = at;
      promise = type_of(child);
    } else if (name == "_Coro_resume_index" || name == "__coro_index") {
      its.index = at;
      its.index_size = size_of_index(child);
    } else if (!is_made_by_compiler(name)) {
      if (auto its_type = type_of(child)) its.variables.push_back({std::string(name), at, *its_type, child});
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

#include "coroutines/frame_layout.hpp"

#include <dwarf.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "symbols/code_cache.hpp"
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
  // The hook's own is derived from it.
  to.is_asios_own = dwarf::name_of(promise).starts_with("awaitable_frame<");
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
    }
    return false;
  });
  its.is_known = its.size < largest_frame;
  if (promise) take_promise(*promise, its);
  return its;
}

/// No compiler's is larger.
constexpr std::uint32_t largest_index = sizeof(std::uint64_t);

cache::FrameLayout message_of(const frame_layout& its) {
  cache::FrameLayout message;
  message.set_is_known(its.is_known);
  message.set_size(its.size);
  message.set_promise(its.promise);
  message.set_promise_size(its.promise_size);
  message.set_index(its.index);
  message.set_index_size(its.index_size);
  message.set_is_asio(its.is_asio);
  message.set_is_entry(its.is_entry);
  message.set_coro(its.coro);
  message.set_attached_thread(its.attached_thread);
  message.set_caller(its.caller);
  message.set_top_of_stack(its.top_of_stack);
  return message;
}

/// Nothing: no compiler makes such a one.
std::optional<frame_layout> layout_of(const cache::FrameLayout& message) {
  frame_layout its;
  its.is_known = message.is_known();
  its.size = message.size();
  its.promise = message.promise();
  its.promise_size = message.promise_size();
  its.index = message.index();
  its.index_size = message.index_size();
  its.is_asio = message.is_asio();
  its.is_entry = message.is_entry();
  its.coro = message.coro();
  its.attached_thread = message.attached_thread();
  its.caller = message.caller();
  its.top_of_stack = message.top_of_stack();
  const auto farthest = std::max({its.size, its.promise, its.promise_size, its.index, its.coro, its.attached_thread,
                                  its.caller, its.top_of_stack});
  if (farthest >= 2 * largest_frame || its.index_size > largest_index) return std::nullopt;
  return its;
}

}  // namespace

frame_layout& frame_layouts::of(const coroutine_body& body) {
  const auto [known, is_new] = known_.try_emplace(&body);
  if (!is_new) return known->second;
  auto* kept = debug_.code().kept_at(body.code.begin);
  if (kept == nullptr) return known->second = read(body);
  auto& layouts = *kept->facts.mutable_layouts();
  const auto begin = kept->to_file(body.code.begin);
  if (const auto its = layouts.find(begin); its != layouts.end())
    if (const auto layout = layout_of(its->second)) return known->second = *layout;
  known->second = read(body);
  if (kept->has_all_debug_information()) {
    layouts[begin] = message_of(known->second);
    kept->changed();
  }
  return known->second;
}

const std::vector<frame_variable>& frame_layouts::variables_of(const coroutine_body& body) {
  const auto [known, is_new] = variables_.try_emplace(&body);
  if (!is_new) return known->second;
  known->second = members_of(body);
  std::erase_if(known->second, [](const frame_variable& each) { return is_made_by_compiler(each.name); });
  return known->second;
}

std::vector<frame_variable> frame_layouts::members_of(const coroutine_body& body) {
  std::vector<frame_variable> its;
  auto frame = of(body).is_known ? type_of(body) : std::nullopt;
  if (!frame) return its;
  each_child(*frame, [&its](Dwarf_Die& child) {
    if (dwarf_tag(&child) != DW_TAG_member) return false;
    const auto at = offset_of(child);
    if (at >= largest_frame) return false;
    if (auto type = dwarf::type_of(child)) its.push_back({std::string(dwarf::name_of(child)), at, *type, child});
    return false;
  });
  return its;
}

std::optional<Dwarf_Die> frame_layouts::type_of(const coroutine_body& body) {
  auto scope = debug_.at(body.code.begin);
  return scope ? find_frame_type(scope->functions.back()) : std::nullopt;
}

frame_layout frame_layouts::read(const coroutine_body& body) {
  if (auto type = type_of(body))
    if (auto its = read_layout(*type); its.is_known) return its;
  return {};
}

}  // namespace tasks::cli

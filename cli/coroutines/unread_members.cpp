#include "coroutines/unread_members.hpp"

#include <dwarf.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "symbols/code_symbols.hpp"
#include "symbols/dwarf_types.hpp"

namespace tasks::cli {
namespace {

/// Of body_machine, of all bodies of a program: some seconds. What comes after counts as alive.
constexpr std::uint64_t most_steps = 20'000'000;

std::optional<unread_members::optional_part> optional_in(Dwarf_Die& promise, std::uint64_t offset,
                                                         std::string_view value, std::string_view is_there) {
  auto its = dwarf::find_member(promise, value);
  auto flag = dwarf::find_member(promise, is_there);
  if (!its || !flag || dwarf::size_of(flag->type) != sizeof(bool)) return std::nullopt;
  const auto begin = offset + its->offset;
  return unread_members::optional_part{{begin, begin + dwarf::size_of(its->type)}, offset + flag->offset};
}

/// No compiler gives them one place.
bool are_disjoint(std::vector<type_part> all) {
  std::ranges::sort(all, {}, &type_part::begin);
  for (std::size_t i = 1; i < all.size(); ++i)
    if (all[i].begin < all[i - 1].end) return false;
  return true;
}

/// What the compiler adds: awaiters, temporaries, the promise. g++'s destroying them is not to be relied upon.
bool is_added(std::string_view name) {
  for (const std::string_view prefix : {"Aw", "Is", "Fs"}) {
    const auto number = name.starts_with(prefix) ? name.find_first_not_of("0123456789", prefix.size()) : name.npos;
    if (number != name.npos && name[number] == '_') return true;
  }
  return name.empty() || name.starts_with("_Coro_") || name.starts_with("__") || name.starts_with("D.");
}

/// What `co_await promise.final_suspend()` makes, if a word has room in it: nothing is there at any other suspend
/// point.
bool is_final_awaiter(std::string_view name, Dwarf_Die& type) {
  if (!is_added(name) || !name.starts_with("Fs") || dwarf::size_of(type) < sizeof(std::uint64_t)) return false;
  bool found = false;
  dwarf::each_child(type, [&](Dwarf_Die& child) {
    return found = dwarf_tag(&child) == DW_TAG_subprogram && dwarf::name_of(child) == "await_suspend";
  });
  return found;
}

/// g++'s "….Frame.actor", without what is behind it.
std::string actor_in(std::string_view symbol) {
  constexpr std::string_view actor = ".actor";
  const auto at = symbol.find(actor);
  return std::string(symbol.substr(0, at == symbol.npos ? 0 : at + actor.size()));
}

}  // namespace

const unread_members& unread_member_finder::at(const coroutine_body& body, const frame_layout& layout,
                                               std::uint64_t index) {
  const auto [known, is_new] = unread_at_.try_emplace({body.code.begin, index});
  if (!is_new) return known->second;
  auto& found = known->second;
  auto& its = members_of(body);
  found = its.always;
  if (its.members.empty() || program_.machine.steps() > most_steps) return found;
  const auto actor = actor_in(symbol_near(code_, body.code.begin).value_or(code_symbol()).name);
  if (actor.empty()) return found;
  using owner = body_machine::owner;
  std::map<std::uint64_t, owner> known_places;
  const auto whose = [&](std::uint64_t address) {
    if (body.code.contains(address)) return owner::body;
    const auto [place, is_first] = known_places.try_emplace(address, owner::nobody);
    const auto symbol = is_first ? symbol_near(code_, address) : std::nullopt;
    if (symbol && symbol->contains(address))
      place->second = symbol->name.starts_with(actor) ? owner::body : owner::other;
    return place->second;
  };
  const auto reached = program_.machine.find_destroyed(body, layout, index, whose);
  if (!reached) return found;
  for (auto& each : its.members) {
    const auto begin = reached->begin() + static_cast<std::ptrdiff_t>(each.at.begin);
    const auto end = reached->begin() + static_cast<std::ptrdiff_t>(each.at.end);
    if (std::find(begin, end, true) != end) continue;
    if (!each.untouched_at)
      each.untouched_at = program_.machine.find_untouched(body, layout, {each.at.begin, each.at.end});
    if (each.untouched_at->contains(index)) found.dead.insert(found.dead.end(), each.owners.begin(), each.owners.end());
  }
  return found;
}

unread_member_finder::body_members& unread_member_finder::members_of(const coroutine_body& body) {
  const auto [known, is_new] = bodies_.try_emplace(body.code.begin);
  if (!is_new) return known->second;
  auto& its = known->second;
  const auto& layout = program_.layouts.of(body);
  std::vector<type_part> all;
  std::vector<bool> used(layout.size);
  for (auto& each : program_.layouts.members_of(body)) {
    all.push_back({each.offset, each.offset + std::max<std::uint64_t>(dwarf::size_of(each.type), 1)});
    add_used_bytes(each.type, each.offset, used);
    if (has_unaligned_words(each.type, each.offset)) its.always.unaligned.push_back(all.back());
    if (layout.is_asio && each.offset == layout.promise) {
      for (const auto& [value, is_there] : {std::pair{"result_", "has_result_"}, std::pair{"u_", "has_executor_"}})
        if (const auto part = optional_in(each.type, each.offset, value, is_there))
          its.always.optional.push_back(*part);
      continue;
    }
    if (is_final_awaiter(each.name, each.type)) {
      its.members.push_back({all.back(), {all.back()}, std::nullopt});
      continue;
    }
    type_parts parts;
    add_parts(each.type, each.offset, parts);
    its.always.executors.insert(its.always.executors.end(), parts.executors.begin(), parts.executors.end());
    if (!parts.owners.empty() && !is_added(each.name))
      its.members.push_back({all.back(), std::move(parts.owners), std::nullopt});
  }
  const bool fits = std::ranges::all_of(all, [&](const type_part& each) { return each.end <= layout.size; });
  if (body.is_gnu && fits && are_disjoint(std::move(all))) {
    its.always.padded = padded_words(used);
  } else {
    its.members.clear();
    its.always.executors.clear();
  }
  return its;
}

}  // namespace tasks::cli

#pragma once

/// Types as debug information has them: what they are called, how large they are, and where their members lie.
///
///   variable ──> type_of ──> class ──> find_member ──> {offset, type}
///
/// Debug information may be damaged: whatever goes round in circles ends after a few steps.

#include <elfutils/libdw.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tasks::cli::dwarf {

/// Until `visit` returns true.
template <class Visit>
void each_child(Dwarf_Die& parent, Visit visit) {
  Dwarf_Die child;
  if (dwarf_child(&parent, &child) != 0) return;
  do {
    if (visit(child)) return;
  } while (dwarf_siblingof(&child, &child) == 0);
}

/// Empty: it has none.
[[nodiscard]] std::string_view name_of(Dwarf_Die& die);
/// The type of a variable, a member, a pointer; without qualifiers and other names for it. Nothing: it has none (void).
[[nodiscard]] std::optional<Dwarf_Die> type_of(Dwarf_Die& die);
/// Of a member or a base class, in bytes from where the class begins.
[[nodiscard]] std::uint64_t offset_of(Dwarf_Die& member);
/// In bytes; 0: not known, as of one that is only declared.
[[nodiscard]] std::uint64_t size_of(Dwarf_Die& type);

struct member {
  std::uint64_t offset = 0;
  Dwarf_Die type{};
};
/// The member of that name, of a base class or an unnamed union too. Nothing: there is none, or it is further than
/// 16 MiB.
[[nodiscard]] std::optional<member> find_member(Dwarf_Die& type, std::string_view name);

/// The type of a variable in words, at most 120 bytes: "std::vector<int>", "const point&". Debug information does not
/// say cheaply which namespace a type is in; only those of the standard library are known by their names.
[[nodiscard]] std::string type_words(Dwarf_Die& variable);

}  // namespace tasks::cli::dwarf

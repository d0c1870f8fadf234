#pragma once

/// Reading where a task was spawned: the calls that led to its co_spawn, as tasks/detail/layout.hpp has them.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tasks/detail/layout.hpp"

namespace tasks::detail {

/// Return addresses, that of the innermost call first; empty: nothing is known. `get(address)` copies a word of the
/// target: its value, or nothing where it cannot be read. Throws std::bad_alloc.
template <class Get>
[[nodiscard]] std::vector<std::uint64_t> read_call_path(std::uint64_t path, Get get) {
  std::vector<std::uint64_t> addresses;
  while (path != 0 && addresses.size() < layout::longest_call_path) {
    const auto pc = get(path + offsetof(layout::call_site, pc));
    const auto inner = get(path + offsetof(layout::call_site, inner));
    if (!pc || !inner) return {};
    addresses.push_back(*pc);
    path = *inner;
  }
  std::reverse(addresses.begin(), addresses.end());
  return addresses;
}

}  // namespace tasks::detail

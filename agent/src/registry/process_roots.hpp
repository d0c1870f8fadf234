#pragma once

/// Every root of this process: that of this object, and those of other objects that link the agent.
///
///   dl_iterate_phdr ──> ELF note "tasks" ──> root ──> registry
///
/// A root lies in its object, which dlclose may unmap at any moment but not while dl_iterate_phdr runs: roots are
/// touched in its callback only. Registries are mapped for good, and remembered after their object has gone.

#include <cstddef>
#include <cstdint>
#include <span>

#include "tasks/detail/layout.hpp"

namespace tasks::detail {

inline constexpr std::size_t max_registries = 256;

/// The registries found so far in this process, that of this object first. Looks for new ones. Any thread.
[[nodiscard]] std::span<layout::registry* const> find_registries() noexcept;

/// Advances the coarse clock of every object; 0 stops it. `resolution` in milliseconds.
void store_ticks(std::uint64_t tick, std::uint32_t resolution) noexcept;

/// Has the tasks of every object timed in this area, which has the tick from now on; null: no longer.
void store_timing(layout::timing_area* area) noexcept;

/// Does the agent of another object listen in this process?
[[nodiscard]] bool another_agent_serves() noexcept;

/// Has another object made an agent that serves, or would but for what its status says? It does what TASKS_DUMP says.
[[nodiscard]] bool another_agent_dumps() noexcept;

/// Holds fork() back while this process's roots are being looked for: the child of a fork in the middle of
/// dl_iterate_phdr could never throw an exception again. Registers once; any number of calls.
void guard_roots_against_fork() noexcept;

}  // namespace tasks::detail

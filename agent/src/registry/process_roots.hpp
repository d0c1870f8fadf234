#pragma once

/// Every root of this process: that of this object, and those of other objects that link the agent.
///
///   a registry is made ──> dl_iterate_phdr ──> ELF note "tasks" ──> root of another object
///        └── is told to that one, root::known ──┘──> its registry is told here
///
/// A root lies in its object, which dlclose may unmap at any moment but not while dl_iterate_phdr runs: those of others
/// are touched in its callback only, on the program's threads. Registries are mapped for good, and remembered after
/// their object has gone, until another that is loaded takes one over. The agent's thread takes no lock of the
/// loader's: it looks at what has been told.

#include <cstddef>
#include <cstdint>
#include <span>

#include "tasks/detail/layout.hpp"

namespace tasks::detail {

inline constexpr std::size_t max_registries = 256;

/// The registries that this object has been told of. Takes no lock. Any thread.
[[nodiscard]] std::span<layout::registry* const> known_registries() noexcept;

/// Tells the objects of this process, this one among them, of each other's registries, as far as they have any. On a
/// thread of the program's.
void make_registries_known() noexcept;
/// Both: those of this process, that of this object first.
[[nodiscard]] std::span<layout::registry* const> find_registries() noexcept;

/// A registry of an object that is gone, which another one was told of, for this object to have. Null: there is none.
[[nodiscard]] layout::registry* adopt_registry() noexcept;

/// Advances the coarse clock: that of this object, and what other objects look at where they have none; 0 stops it.
/// `resolution` in milliseconds. Takes no lock.
void store_ticks(std::uint64_t tick, std::uint32_t resolution) noexcept;

/// Has the tasks of every object timed in this area, which has the tick from now on; null: no longer. Takes no lock.
void store_timing(layout::timing_area* area) noexcept;

/// Does the agent of another object listen in this process?
[[nodiscard]] bool another_agent_serves() noexcept;

/// Has another object made an agent that serves, or would but for what its status says? It does what TASKS_DUMP says.
[[nodiscard]] bool another_agent_dumps() noexcept;

/// Has fork() wait while this process's roots are being looked for, if at_fork() can: the child of a fork in the middle
/// of dl_iterate_phdr could never throw an exception again. Registers once; any number of calls.
void guard_roots_against_fork() noexcept;

}  // namespace tasks::detail

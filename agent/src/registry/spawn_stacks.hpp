#pragma once

/// Who spawned the tasks that no task spawned: return addresses, kept while there are leak checks. A record has the
/// inner two of them, which are Asio's own where nothing is inlined, as in most builds of tests.

#include <array>
#include <cstdint>

#include "tasks/detail/layout.hpp"

namespace tasks::detail {

/// Innermost first, zeros after the last one.
using spawn_stack = std::array<std::uint64_t, 24>;

/// Keeps the calling thread's stack, for the task that begins in this record. Without memory it does nothing.
void keep_spawn_stack(const layout::record& record, std::uint64_t id) noexcept;

/// That of a task; its first address is 0 where none was kept. Any thread.
[[nodiscard]] spawn_stack find_spawn_stack(const layout::record& record, std::uint64_t id) noexcept;

/// Frees all of them.
void forget_spawn_stacks() noexcept;

}  // namespace tasks::detail

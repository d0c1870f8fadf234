#pragma once

/// Labels that a task has from the one that spawned it. See this_task.hpp.

#include <cstdint>

#include "tasks/detail/layout.hpp"

namespace tasks::detail {

/// Copies those labels of `from`, a task that has annotations, which are inherited, for the task `id` that begins in
/// `to`. The address of the newest; 0: there are none, or there is no memory.
[[nodiscard]] std::uint64_t inherit_labels(const layout::record& from, layout::record& to, std::uint64_t id) noexcept;

}  // namespace tasks::detail

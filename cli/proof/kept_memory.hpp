#pragma once

/// What only the tasks of one group keep alive: what would be free if their frames were, as a heap profiler's retained
/// size has it.
///
///   data, stacks, registers, kernel ──mark──> in use anyway
///   frames of each group ──words──> of the rest:  whose it is: one group's, or several's
///
/// Frames belong to their own tasks, whoever else points to them. What two groups lead to is neither's. One mark and
/// one walk over what it leaves, however many groups there are.

#include <cstdint>
#include <limits>
#include <vector>

#include "picture/heap_facts.hpp"
#include "proof/scene.hpp"

namespace tasks::cli {

struct keeper_groups {
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint32_t> of_task;  ///< of each of the scene's tasks; none: it is in no group, and keeps all it can
  std::vector<bool> together;          ///< of each group: whether it is one of those that are also seen as one
};

struct kept_memory {
  std::vector<counted_bytes> by_group;  ///< allocations, but for the frames
  counted_bytes together;               ///< of all groups that are seen as one, with what each keeps alone
};

/// `in` has looked closer. Erases its links.
[[nodiscard]] kept_memory find_kept_memory(scene& in, const keeper_groups& groups);

}  // namespace tasks::cli

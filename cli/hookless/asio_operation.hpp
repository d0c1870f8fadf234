#pragma once

/// An operation of Asio's that keeps a task: {next, function, …, handler}.

#include <cstdint>
#include <limits>
#include <vector>

#include "hookless/task_chains.hpp"

namespace tasks::cli {

/// What a search for waits looks at.
struct wait_scene {
  const memory_image& image;
  const heap_map& heap;
  const stack_memory& stacks;
  const program_code& code;
  const frame_scan& scan;
  const std::vector<task_chain>& tasks;

  /// In memory that nobody uses any more.
  [[nodiscard]] bool is_over(std::uint64_t address) const noexcept {
    if (stacks.is_dead(address)) return true;
    const auto object = heap.find(address);
    return object != heap_map::none && heap.is_free(object);
  }
};

struct asio_operation {
  static constexpr std::uint32_t nobody = std::numeric_limits<std::uint32_t>::max();

  std::uint64_t at = 0;
  const operation_function* function = nullptr;
  std::uint32_t task = nobody;  ///< that goes on when it is over
  std::uint32_t depth = 0;      ///< allocations between it and the task
  bool is_queued = false;
  std::uint64_t queued_at = 0;  ///< the head of the queue that it is in: {first, last}; 0: not known
};

}  // namespace tasks::cli

#pragma once

/// The tasks of a picture, as the proof sees them.

#include <cstdint>
#include <functional>
#include <vector>

#include "picture/heap_map.hpp"
#include "picture/memory_image.hpp"
#include "target/registry_reader.hpp"

namespace tasks::cli {

/// Of an awaitable's promise, which handlers point to, behind the beginning of its frame: two pointers.
inline constexpr std::uint64_t promise_offset = 16;

struct seen_task {
  std::uint64_t id = 0, parent = 0;
  std::uint64_t version = 0;  ///< as v1::Task::version
  /// What it waits on, or 0. Of an operation that is not Asio's own, whose handler can be anywhere: what the handler
  /// points to, the promise of the task's outermost frame.
  std::uint64_t object = 0;
  std::uint32_t first_frame = 0, frames = 0;
  tasks::layout::wait_kind waits_for = tasks::layout::wait_kind::none;  ///< none unless blocked
  bool never_expires = false;                                           ///< waits for a timer that does not
  bool unnamed = false;  ///< waits for an operation that is not Asio's own
  bool awaited = false;  ///< its parent waits for it
  bool whole = false;    ///< all its frames are known
};

struct seen_tasks {
  std::vector<seen_task> tasks;
  std::vector<std::uint64_t> frames;  ///< addresses, outermost first
  std::vector<range> slabs;           ///< memory of the registries
  bool torn = false;                  ///< some could not be read
};

[[nodiscard]] constexpr bool is_channel(tasks::layout::wait_kind kind) noexcept {
  return kind == tasks::layout::wait_kind::channel_send || kind == tasks::layout::wait_kind::channel_receive;
}

/// Could a task that waits so be proven?
[[nodiscard]] constexpr bool may_be_leaked(const seen_task& task) noexcept {
  return is_channel(task.waits_for) || task.waits_for == tasks::layout::wait_kind::tasks || task.never_expires ||
         task.unnamed;
}

/// `is_enough` is asked after each task of what was read so far, and ends it.
[[nodiscard]] seen_tasks read_tasks(const memory& from, const std::vector<root_copy>& roots,
                                    const std::function<bool(const seen_tasks&)>& is_enough = {});

}  // namespace tasks::cli

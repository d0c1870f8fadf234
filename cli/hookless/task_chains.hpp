#pragma once

/// Tasks: entry points from whose top of stack callers lead back to themselves.
///
///   entry point ──top_of_stack_──> innermost frame ──caller_──> frame ──caller_──> … ──caller_──> entry point
///
/// Every link is a frame that is alive, so that what is torn or half made is none; it is told apart.

#include <cstdint>
#include <span>
#include <vector>

#include "hookless/frame_scan.hpp"

namespace tasks::cli {

struct task_chain {
  std::span<const std::uint32_t> frames;  ///< indexes, innermost first; the last one is `entry`
  std::uint64_t thread = 0;               ///< of its innermost frame: address of Asio's awaitable_thread; 0: none
  std::uint32_t entry = 0;                ///< index of its entry point's frame
  bool runs = false;                      ///< a thread runs it: the object at `thread` is attached to it
};

class task_chains {
 public:
  /// Sets coroutine_frame::task. `scan` must outlive it.
  task_chains(const memory_image& image, frame_scan& scan);

  /// In the order of their entry points' addresses.
  [[nodiscard]] const std::vector<task_chain>& tasks() const noexcept { return tasks_; }
  /// Entry points whose chain does not lead back to them: indexes of their frames.
  [[nodiscard]] const std::vector<std::uint32_t>& broken() const noexcept { return broken_; }
  /// Awaitables that nobody has awaited yet: indexes of their frames.
  [[nodiscard]] const std::vector<std::uint32_t>& not_awaited() const noexcept { return not_awaited_; }

 private:
  [[nodiscard]] bool follow(std::uint64_t top, const frame_scan& scan, std::uint32_t entry);

  std::vector<task_chain> tasks_;
  std::vector<std::uint32_t> links_;     ///< of all chains, one after another
  std::vector<std::uint32_t> leads_to_;  ///< of frames in chains that did not lead back: the last one of theirs
  std::vector<std::uint32_t> broken_;
  std::vector<std::uint32_t> not_awaited_;
};

}  // namespace tasks::cli

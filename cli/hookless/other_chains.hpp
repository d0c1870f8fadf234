#pragma once

/// Stacks of coroutines that are not Asio's: a promise knows whom to go on with.
///
///   frame ──word in its promise──> frame ──> … ──> one whose promise leads to none
///                                  └ by its own address, or into it: a latch of when_all lies in the frame that waits
///
/// Where several lead to one frame, that is the innermost of a stack of its own, which waits for theirs.

#include <cstdint>
#include <limits>
#include <vector>

#include "hookless/frame_scan.hpp"

namespace tasks::cli {

struct other_stack {
  static constexpr std::uint32_t nobody = std::numeric_limits<std::uint32_t>::max();
  std::vector<std::uint32_t> frames;  ///< indexes in the scan, innermost first
  std::uint32_t awaited_by = nobody;  ///< index of the stack that goes on with it
  bool waits_for_others = false;      ///< stacks go on with it
};

/// Frames whose promises are not known by debug information are left out.
[[nodiscard]] std::vector<other_stack> find_other_stacks(const memory_image& image, const frame_scan& scan);

}  // namespace tasks::cli

#pragma once

/// Every coroutine frame in a picture of memory that is alive:
///
///   word = a body, next word = what destroys its frames ──> frame ──> destroyed? freed? a copy? below a stack pointer?
///
/// In the order of their addresses.

#include <cstdint>
#include <limits>
#include <vector>

#include "hookless/body_machine.hpp"
#include "hookless/frame_layout.hpp"
#include "picture/heap_map.hpp"
#include "picture/memory_image.hpp"

namespace tasks::cli {

struct coroutine_frame {
  std::uint64_t at = 0;
  const coroutine_body* body = nullptr;
  const frame_layout* layout = nullptr;
  std::uint64_t index = 0;  ///< of its suspend point
  /// Words of an awaitable's promise, and of an entry point's.
  std::uint64_t attached_thread = 0, caller = 0, top_of_stack = 0;
  std::uint32_t task = std::numeric_limits<std::uint32_t>::max();  ///< whose chain it is in; else none

  [[nodiscard]] std::uint64_t promise() const noexcept { return at + layout->promise; }
};

/// Memory that nobody will read again, and that of threads' stacks; both sorted and disjoint.
struct stack_memory {
  std::vector<range> stacks, dead;
  [[nodiscard]] bool is_stack(std::uint64_t address) const noexcept;
  [[nodiscard]] bool is_dead(std::uint64_t address) const noexcept;
};

class frame_scan {
 public:
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

  /// All must outlive it. `machine` finds the suspend point's index where there is no debug information.
  frame_scan(const memory_image& image, const heap_map& heap, const stack_memory& stacks, const program_code& code,
             frame_layouts& layouts, body_machine& machine);

  [[nodiscard]] std::vector<coroutine_frame>& frames() noexcept { return frames_; }
  [[nodiscard]] const std::vector<coroutine_frame>& frames() const noexcept { return frames_; }
  /// The frame that begins exactly there, or none.
  [[nodiscard]] std::uint32_t at(std::uint64_t address) const noexcept;
  /// The last frame that begins at or below an address, no further than 64 KiB from it; or none.
  [[nodiscard]] std::uint32_t before(std::uint64_t address) const noexcept;
  /// The awaitable's frame whose promise lies exactly there, or none.
  [[nodiscard]] std::uint32_t of_promise(std::uint64_t promise) const noexcept;
  /// The frame that an address lies in, by what is known of the frame's size; or none.
  [[nodiscard]] std::uint32_t around(std::uint64_t address) const noexcept;

  /// Candidates that are no frames.
  struct left_out {
    std::uint64_t destroyed = 0, freed = 0, copies = 0, below_stack = 0;
  };
  [[nodiscard]] const left_out& others() const noexcept { return others_; }

 private:
  // What it needs, as its author likes it.
};

}  // namespace tasks::cli

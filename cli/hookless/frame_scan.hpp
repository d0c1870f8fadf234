#pragma once

/// Every coroutine frame in a picture of memory that is alive:
///
///   word = a body, next word = what destroys its frames ──> frame ──> destroyed? freed? a copy? below a stack pointer?
///
/// In the order of their addresses.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <future>
#include <limits>
#include <optional>
#include <vector>

#include "coroutines/address_map.hpp"
#include "coroutines/body_machine.hpp"
#include "coroutines/frame_layout.hpp"
#include "picture/heap_map.hpp"
#include "picture/memory_image.hpp"

namespace tasks::cli {

struct coroutine_frame {
  std::uint64_t at = 0;
  const coroutine_body* body = nullptr;
  const frame_layout* layout = nullptr;
  std::uint64_t caller = 0;                                        ///< a word of an awaitable's promise
  std::uint32_t index = 0;                                         ///< of its suspend point
  std::uint32_t task = std::numeric_limits<std::uint32_t>::max();  ///< whose chain it is in; else none

  [[nodiscard]] std::uint64_t promise() const noexcept { return at + layout->promise; }
  /// A word of an entry point's promise; 0: it is none, or the word's place is not known.
  [[nodiscard]] std::uint64_t top_of_stack(const memory_image& image) const noexcept {
    return layout->is_asio && layout->top_of_stack != 0 ? image.word(at + layout->top_of_stack) : 0;
  }
};

/// Memory of threads' stacks, and what nobody will read again. Both sorted and disjoint.
struct stack_memory {
  std::vector<range> stacks, dead;
  const asan_shadow* shadow = nullptr;  ///< may say so, too, of any memory; or null
  [[nodiscard]] bool is_stack(std::uint64_t address) const noexcept;
  [[nodiscard]] bool is_dead(std::uint64_t address) const noexcept;
};

/// Calls `visit(address, word, bytes)` for each aligned word of memory that may be written and was copied; 24 bytes can
/// be read from `bytes` on. `within`: of that part, in whole pages.
template <class Visit>
void each_word(const memory_image& image, Visit visit, range within = {0, std::numeric_limits<std::uint64_t>::max()}) {
  constexpr std::uint64_t readable = 24;
  for (const auto& run : image.runs()) {
    const auto* area = image.area_of(run.begin);
    if (area == nullptr || (!area->writable && area->is_file())) continue;
    const auto size = run.end - run.begin;
    const auto* bytes = image.at(run.begin, size);
    if (bytes == nullptr || size < readable) continue;
    const auto first = std::max(run.begin, within.begin), last = std::min(run.end, within.end);
    if (first >= last) continue;
    for (auto at = first - run.begin; at <= size - readable && at < last - run.begin; at += 8) {
      std::uint64_t word;
      std::memcpy(&word, bytes + at, sizeof word);
      visit(run.begin + at, word, bytes + at);
    }
  }
}

/// An address with about half of what was copied below it, the begin of a page.
[[nodiscard]] std::uint64_t middle_of(const memory_image& image) noexcept;

/// What `visit(address, word, bytes, found)` adds to `found`, in the order of addresses. Two threads call it at once
/// where there is much to go through. `room`: how many there may be; what is not used takes no memory.
template <class Found, class Visit>
[[nodiscard]] std::vector<Found> find_words(const memory_image& image, std::size_t room, const Visit& visit) {
  constexpr std::uint64_t much = std::uint64_t{64} << 20;
  const auto look = [&image, &visit](range within, std::size_t its_room) {
    std::vector<Found> found;
    found.reserve(its_room);
    each_word(
        image,
        [&](std::uint64_t address, std::uint64_t word, const unsigned char* bytes) {
          visit(address, word, bytes, found);
        },
        within);
    return found;
  };
  constexpr auto end = std::numeric_limits<std::uint64_t>::max();
  if (image.bytes() < much) return look({0, end}, room);
  const auto middle = middle_of(image);
  auto second = std::async(std::launch::async, look, range{middle, end}, room);
  auto found = look({0, middle}, room);
  const auto rest = second.get();
  found.insert(found.end(), rest.begin(), rest.end());
  return found;
}

/// Where memory looks like the begin of a coroutine's frame. clang's may lie within one another, at any multiple of
/// eight.
[[nodiscard]] std::vector<std::uint64_t> find_candidates(const memory_image& image, const program_code& code);

class frame_scan {
 public:
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

  /// All but the candidates must outlive it. `machine` finds the suspend point's index where there is no debug
  /// information.
  frame_scan(const memory_image& image, const std::vector<std::uint64_t>& candidates, const heap_map& heap,
             const stack_memory& stacks, const program_code& code, frame_layouts& layouts, body_machine& machine);

  [[nodiscard]] std::vector<coroutine_frame>& frames() noexcept { return frames_; }
  [[nodiscard]] const std::vector<coroutine_frame>& frames() const noexcept { return frames_; }
  /// The frame that begins exactly there, or none.
  [[nodiscard]] std::uint32_t at(std::uint64_t address) const noexcept;
  /// The last frame that begins at or below an address, no further than 64 KiB from it; or none.
  [[nodiscard]] std::uint32_t before(std::uint64_t address) const noexcept;
  /// The awaitable's frame whose promise lies exactly there, or none.
  [[nodiscard]] std::uint32_t of_promise(std::uint64_t promise) const noexcept;
  /// An awaitable at its final suspend point that has not left its stack yet: its body is gone, and nobody is told. It
  /// lasts for some instructions of the thread that runs it.
  struct ending {
    std::uint64_t caller, thread;  ///< as of a coroutine_frame, and of a task_chain
  };
  /// Nothing: there is none whose promise lies exactly there.
  [[nodiscard]] std::optional<ending> ending_of_promise(std::uint64_t promise);
  /// The frame that an address lies in, by what is known of the frame's size; or none.
  [[nodiscard]] std::uint32_t around(std::uint64_t address) const noexcept;

  /// Candidates that are no frames.
  struct left_out {
    std::uint64_t destroyed = 0, freed = 0, copies = 0, below_stack = 0;
  };
  [[nodiscard]] const left_out& others() const noexcept { return others_; }

 private:
  void consider(std::uint64_t address, const coroutine_body& body);
  void guess(frame_layout& layout, const coroutine_body& body);
  [[nodiscard]] std::size_t number_of(const coroutine_body& body) const noexcept;
  [[nodiscard]] frame_layout& layout_of(const coroutine_body& body);
  void take_out_copies();
  void number();
  void find_tops();
  [[nodiscard]] std::uint64_t find_top(const coroutine_frame& entry, std::uint64_t& steps_left) const;

  const memory_image& image_;
  const heap_map& heap_;
  const stack_memory& stacks_;
  const program_code& code_;
  frame_layouts& layouts_;
  body_machine& machine_;
  std::vector<coroutine_frame> frames_;
  address_map pages_;                 ///< the first frame that begins in each 4 KiB, by their number
  std::vector<frame_layout*> known_;  ///< of each body; null: not asked for yet
  std::vector<bool> was_met_;     ///< of each body: frames of which it was not known whether they are an awaitable's
  bool has_guessed_ = false;      ///< some have no debug information, and are an awaitable's
  bool may_have_copies_ = false;  ///< of these some were met before that was known
  left_out others_;
};

}  // namespace tasks::cli

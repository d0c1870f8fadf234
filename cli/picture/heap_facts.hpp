#pragma once

/// How full a heap is: what malloc_info(3) says of each arena, from a picture, and where its largest holes are.
///
///   arena:  used | free | used | free | … | top        size = in use + free;  holes are free, the top is none
///                                                      free = holes + top + fast bins + threads' caches

#include <cstddef>
#include <cstdint>
#include <vector>

#include "picture/glibc_heap.hpp"
#include "picture/heap_map.hpp"

namespace tasks::cli {

struct heap_hole {
  std::uint64_t address = 0, bytes = 0;  ///< of the free chunk, with its header
};

struct counted_bytes {
  std::uint64_t count = 0, bytes = 0;
  void add(std::uint64_t more) noexcept { ++count, bytes += more; }
};

/// All bytes are malloc's: each allocation's header is in them.
struct arena_facts {
  std::uint64_t address = 0;  ///< of its malloc_state
  bool is_main = false;
  std::uint64_t bytes = 0;              ///< that it has got from the kernel
  counted_bytes free;                   ///< all that malloc may give out: the four below
  counted_bytes holes, fast, cached;    ///< free chunks between others; of fast bins; of threads' caches
  std::uint64_t top_bytes = 0;          ///< what it has not given out yet, at its end
  std::uint64_t allocations = 0;        ///< in use
  std::vector<heap_hole> largest = {};  ///< holes, the largest first

  /// With what malloc itself needs.
  [[nodiscard]] std::uint64_t in_use() const noexcept { return bytes - free.bytes; }
};

struct heap_facts {
  std::vector<arena_facts> arenas;  ///< the main one first, then by size
  counted_bytes mapped;             ///< allocations with a mapping of their own
  counted_bytes recycled;           ///< in use, as malloc has it: Asio keeps them for its next operations
  std::size_t refused = 0;          ///< arenas that do not hold together

  [[nodiscard]] std::uint64_t bytes() const noexcept;
  [[nodiscard]] std::uint64_t in_use() const noexcept;
  [[nodiscard]] std::uint64_t free() const noexcept;
  [[nodiscard]] std::uint64_t allocations() const noexcept;
  /// Nothing of glibc's malloc was found.
  [[nodiscard]] bool is_empty() const noexcept { return arenas.empty() && mapped.count == 0; }
};

/// `recycled`: of them, what was given back to Asio. Of each arena at most `most_holes` are named.
[[nodiscard]] heap_facts measure_heap(const heap_map& heap, const glibc_heaps& found,
                                      const std::vector<heap_map::object>& recycled, std::size_t most_holes);

}  // namespace tasks::cli

#pragma once

/// Finds what glibc's malloc has given out, in a picture of a target: extents of allocations, and which are free.
///
///   main arena   [heap]:        chunk | chunk | … | top          malloc_state in libc's (or the executable's) data
///   other arenas at 64 MiB × n: heap_info | malloc_state | chunk | chunk | … | top
///                               heap_info | chunk | … | fence     an arena's earlier heaps
///   large ones   begin of a mapping: {0, size | mapped} | {0, size | mapped} | … what was mapped above them before
///
/// Nothing here trusts a version number. An arena counts only if all its bins hold together, every chunk of all its
/// heaps follows from the one before it, the last one is the top and ends where the heap ends, and each free chunk says
/// so in three places and is linked into a list. Else its memory is no heap to us: all of it is roots. A thread that
/// was stopped inside malloc() leaves one of these broken, or nothing that belongs to anybody.

#include <cstdint>
#include <string>
#include <vector>

#include "linux/registers.hpp"
#include "picture/heap_map.hpp"
#include "picture/memory_image.hpp"

namespace tasks::cli {

/// An arena that was walked.
struct glibc_arena {
  std::uint64_t address = 0;  ///< of its malloc_state
  std::uint64_t top = 0;      ///< of the chunk at its end that it has not given out yet
  bool is_main = false;
  std::vector<range> heaps;  ///< all that it has got from the kernel
};

struct glibc_heaps {
  std::size_t arenas = 0;   ///< that were walked
  std::size_t refused = 0;  ///< that look like one and do not hold together
  std::size_t mapped = 0;   ///< allocations with a mapping of their own
  /// Words with which malloc finds its free chunks; following them would mark their neighbours.
  std::vector<std::uint64_t> links{};
  std::vector<glibc_arena> walked{};
  /// Free chunks that are marked as in use: of arenas' fast bins, and of threads' caches.
  std::vector<heap_map::object> fast{}, cached{};
};

/// Adds segments to `heap`, and seals it. Free chunks are those that no bin and no thread's cache will be asked about.
[[nodiscard]] glibc_heaps find_glibc_heaps(const memory_image& image, const std::vector<thread_registers>& threads,
                                           heap_map& heap);

/// Could an address belong to such a heap? Reads little: for a target that runs.
[[nodiscard]] bool may_be_glibc(const memory& from, const memory_region& region, std::uint64_t address);

}  // namespace tasks::cli

#pragma once

/// One arena of glibc's malloc: its malloc_state, and the walk over its chunks.

#include <cstdint>
#include <optional>
#include <vector>

#include "picture/memory_image.hpp"

namespace tasks::cli {

inline constexpr std::uint64_t smallest_chunk = 32;
inline constexpr std::uint64_t heap_alignment = std::uint64_t{64} << 20;

/// The head of a chunk: {size of the previous one if that is free, size and flags}.
struct chunk_head {
  static constexpr std::uint64_t previous_in_use = 1, mapped = 2, other_arena = 4;
  std::uint64_t address = 0, previous_size = 0, size = 0, flags = 0;
};
[[nodiscard]] chunk_head head_at(const memory_image& image, std::uint64_t address) noexcept;

/// malloc_state, with offsets that every glibc since 2.26 has, and those before it but for four bytes.
struct arena_state {
  std::uint64_t address = 0;
  std::uint64_t fast_bins = 0;  ///< address of ten words
  std::uint64_t top = 0;        ///< address of the top chunk
  std::uint64_t bins = 0;       ///< address of 127 pairs

  static constexpr std::size_t fast_count = 10, bin_count = 127;
  static constexpr std::uint64_t bin_words = 2 * bin_count;
};

/// The arena whose pointer to the top lies at `top_at`; nothing unless all its bins hold together.
[[nodiscard]] std::optional<arena_state> arena_with_top_at(const memory_image& image, std::uint64_t top_at);

/// Chunks from `begin` to `end`.
struct chunk_walk {
  range chunks;
  std::vector<std::uint32_t> starts;
  std::vector<bool> free;
};

/// Walks chunks until the top, or the fence that ends a heap that is full, at the end. Nothing where it does not land.
[[nodiscard]] std::optional<chunk_walk> walk_chunks(const memory_image& image, range heap, std::uint64_t top,
                                                    bool main_arena);

/// The chunk that a link of a list of small free chunks leads to: plain, or mangled with its own address (since 2.32).
[[nodiscard]] constexpr std::uint64_t reveal(std::uint64_t at, std::uint64_t link, bool mangled) noexcept {
  return mangled ? link ^ (at >> 12) : link;
}

}  // namespace tasks::cli

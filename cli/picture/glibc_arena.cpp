#include "picture/glibc_arena.hpp"

#include <cstring>

namespace tasks::cli {
namespace {

/// {mutex, flags, have_fastchunks, padding} before the fast bins.
constexpr std::uint64_t fast_bins_offset = 16;
constexpr std::uint64_t top_offset = fast_bins_offset + 8 * arena_state::fast_count;
constexpr std::uint64_t bins_offset = top_offset + 16;
/// So far ahead of a walk memory is fetched.
constexpr std::uint64_t soon = 2048;

/// Is the free chunk at `p`, or the list's head if it has no chunk, linked with its neighbours?
bool is_linked(const memory_image& image, std::uint64_t p) {
  const auto next = image.word(p + 16), previous = image.word(p + 24);
  return next != 0 && previous != 0 && image.word(next + 24) == p && image.word(previous + 16) == p;
}

}  // namespace

chunk_head head_at(const memory_image& image, std::uint64_t address) noexcept {
  chunk_head head;
  head.address = address;
  if (const auto* bytes = image.at(address, 16)) {
    std::memcpy(&head.previous_size, bytes, 8);
    std::memcpy(&head.size, bytes + 8, 8);
    head.flags = head.size & 7;
    head.size &= ~std::uint64_t{7};
  }
  return head;
}

std::optional<arena_state> arena_with_top_at(const memory_image& image, std::uint64_t top_at) {
  arena_state arena;
  arena.address = top_at - top_offset;
  arena.fast_bins = arena.address + fast_bins_offset;
  arena.top = image.word(top_at);
  arena.bins = arena.address + bins_offset;
  if (arena.address % 8 != 0 || image.at(arena.address, bins_offset + 8 * arena_state::bin_words) == nullptr)
    return std::nullopt;
  for (std::size_t i = 0; i < arena_state::bin_count; ++i)
    if (!is_linked(image, arena.bins + 16 * i - 16)) return std::nullopt;
  return arena;
}

std::optional<chunk_walk> walk_chunks(const memory_image& image, range heap, std::uint64_t top, bool main_arena) {
  chunk_walk walk;
  walk.chunks = heap;
  bool previous_free = false;
  auto head = head_at(image, heap.begin);
  for (auto at = heap.begin; at < heap.end;) {
    image.prefetch(at + soon);
    if (head.size == 0 && at + 16 == heap.end) {
      // The fence: a header that is the last thing in a heap.
      walk.chunks.end = at;
      return previous_free || walk.starts.empty() ? std::nullopt : std::optional(std::move(walk));
    }
    const bool fence = head.size == 16 && at + 32 == heap.end;
    if ((head.size < smallest_chunk && !fence) || head.size % 16 != 0 || head.size > heap.end - at ||
        (head.flags & chunk_head::mapped) != 0)
      return std::nullopt;
    if ((at - heap.begin) / 16 > UINT32_MAX) return std::nullopt;  // larger than 64 GiB
    walk.starts.push_back(static_cast<std::uint32_t>((at - heap.begin) / 16));
    const bool says_previous_free = (head.flags & chunk_head::previous_in_use) == 0;
    if (says_previous_free != previous_free) return std::nullopt;
    if (at == top) {
      walk.free.push_back(true);
      return at + head.size == heap.end ? std::optional(std::move(walk)) : std::nullopt;
    }
    const auto next = head_at(image, at + head.size);
    const bool is_free = !fence && (next.flags & chunk_head::previous_in_use) == 0;
    if (is_free) {
      if (next.previous_size != head.size || !is_linked(image, at)) return std::nullopt;
    } else if (!fence && main_arena == ((head.flags & chunk_head::other_arena) != 0)) {
      return std::nullopt;
    }
    walk.free.push_back(is_free);
    previous_free = is_free;
    at += head.size;
    head = next;
  }
  return std::nullopt;
}

}  // namespace tasks::cli

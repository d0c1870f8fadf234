#include "picture/reused_memory.hpp"

namespace tasks::cli {
namespace {

constexpr std::uint64_t word_bytes = sizeof(std::uint64_t);

/// Was an object of glibc's heap allocated for so many units and one byte? What would be too small to be a chunk of its
/// own is left with it.
bool is_as_large(const range& object, std::uint64_t units) {
  constexpr std::uint64_t unit_bytes = 4, granule = 16, least = 24;
  const auto wanted = units * unit_bytes + 1;
  const auto usable = wanted <= least ? least : (wanted + word_bytes + granule - 1) / granule * granule - word_bytes;
  const auto size = object.end - object.begin;
  return size == usable || size == usable + granule;
}

}  // namespace

void erase_behind(memory_image& image, const heap_map& heap, std::uint64_t block, std::uint64_t size) {
  const auto object = heap.find(block);
  if (object == heap_map::none) return;
  const auto its = heap.extent(object);
  if (its.begin != block || its.end - its.begin <= size) return;
  const auto* units = image.at(block + size, 1);
  if (units == nullptr || *units == 0 || !is_as_large(its, *units)) return;
  // That byte's word, too: its others make an address of it.
  const auto begin = (block + size + word_bytes - 1) / word_bytes * word_bytes;
  for (auto at = begin; at + word_bytes <= its.end; at += word_bytes) image.erase(at);
}

}  // namespace tasks::cli

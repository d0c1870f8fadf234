#include "picture/reused_memory.hpp"

namespace tasks::cli {
namespace {

constexpr std::uint64_t word_bytes = sizeof(std::uint64_t);

/// Was an object of glibc's heap allocated for so many bytes? What would be too small to be a chunk of its own is left
/// with it.
bool is_as_large(const range& object, std::uint64_t wanted) {
  constexpr std::uint64_t granule = 16, least = 24;
  const auto usable = wanted <= least ? least : (wanted + word_bytes + granule - 1) / granule * granule - word_bytes;
  const auto size = object.end - object.begin;
  return size == usable || size == usable + granule;
}

/// By Asio, of whose blocks a byte behind them tells how many units they have; that byte comes on top.
bool is_of_asio(const memory_image& image, const range& object, std::uint64_t size) {
  constexpr std::uint64_t unit_bytes = 4;
  if (object.end - object.begin <= size) return false;
  const auto* units = image.at(object.begin + size, 1);
  return units != nullptr && *units != 0 && *units * unit_bytes >= size && is_as_large(object, *units * unit_bytes + 1);
}

}  // namespace

bool was_allocated_for(const memory_image& image, const range& object, std::uint64_t size) {
  return is_as_large(object, size) || is_of_asio(image, object, size);
}

void erase_behind(memory_image& image, const heap_map& heap, std::uint64_t block, std::uint64_t size) {
  const auto object = heap.find(block);
  if (object == heap_map::none) return;
  const auto its = heap.extent(object);
  if (its.begin != block || !is_of_asio(image, its, size)) return;
  // That byte's word, too: its others make an address of it.
  const auto begin = (block + size + word_bytes - 1) / word_bytes * word_bytes;
  for (auto at = begin; at + word_bytes <= its.end; at += word_bytes) image.erase(at);
}

}  // namespace tasks::cli

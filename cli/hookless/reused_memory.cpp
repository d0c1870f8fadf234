#include "hookless/reused_memory.hpp"

#include <cstdint>

namespace tasks::cli {
namespace {

constexpr std::uint64_t word = sizeof(std::uint64_t);

/// Was an object of glibc's heap allocated for so many units and one byte? What would be too small to be a chunk of its
/// own is left with it.
bool is_as_large(const range& object, std::uint64_t units) {
  constexpr std::uint64_t unit = 4, granule = 16, least = 24;
  const auto wanted = units * unit + 1;
  const auto usable = wanted <= least ? least : (wanted + word + granule - 1) / granule * granule - word;
  const auto size = object.end - object.begin;
  return size == usable || size == usable + granule;
}

}  // namespace

void erase_behind_frames(memory_image& image, const heap_map& heap, const frame_scan& scan) {
  for (const auto& frame : scan.frames()) {
    const auto size = frame.layout->size;
    if (!frame.layout->is_asio || size == 0) continue;
    const auto object = heap.find(frame.at);
    if (object == heap_map::none) continue;
    const auto its = heap.extent(object);
    if (its.begin != frame.at || its.end - its.begin <= size) continue;
    const auto* units = image.at(frame.at + size, 1);
    if (units == nullptr || *units == 0 || !is_as_large(its, *units)) continue;
    // That byte's word, too: its others make an address of it.
    for (auto at = (frame.at + size + word - 1) / word * word; at + word <= its.end; at += word) image.erase(at);
  }
}

}  // namespace tasks::cli

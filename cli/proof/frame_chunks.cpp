#include "proof/frame_chunks.hpp"

#include <limits>

namespace tasks::cli {
namespace {

/// A frame that has an allocation to itself begins so near its begin: behind the hook's header, and another library's.
constexpr std::uint64_t furthest_begin = 64;
/// Asio uses blocks again that are larger by that at most; malloc rounds up, and leaves no remainder too small for it.
constexpr std::uint64_t most_spare = 1024 + 64;

}  // namespace

frame_chunks::frame_chunks(const scene& in) : in_(in), bytes_(in.tasks().frames.size(), unknown) {
  constexpr auto nobody = std::numeric_limits<std::uint32_t>::max(), several = nobody - 1;
  const auto& heap = in.heap();
  const auto& seen = in.tasks();
  std::vector<std::uint32_t> owners(heap.size(), nobody);  // the task whose frames are in it
  const auto each_frame = [&](const auto& visit) {
    for (std::uint32_t task = 0; task < seen.tasks.size(); ++task)
      for (std::size_t i = 0; i < seen.tasks[task].frames; ++i) {
        const auto frame = seen.tasks[task].first_frame + i;
        const auto o = heap.find(seen.frames[frame]);
        if (o != heap_map::none && !heap.is_free(o)) visit(task, frame, o);
      }
  };
  each_frame([&](std::uint32_t task, std::size_t, heap_map::object o) {
    owners[o] = owners[o] == nobody || owners[o] == task ? task : several;
  });
  std::vector<bool> is_taken(heap.size());
  each_frame([&](std::uint32_t, std::size_t frame, heap_map::object o) {
    if (owners[o] == several) return;
    const auto its = heap.extent(o);
    if (is_taken[o]) {
      bytes_[frame] = 0;
      return;
    }
    const auto requested = requested_by(frame);
    const auto begin = seen.frames[frame];
    if (begin - its.begin > furthest_begin ||
        (requested && (begin + *requested > its.end || its.end - begin - *requested > most_spare)))
      return;
    is_taken[o] = true;
    const auto chunk = heap.chunk(o);
    bytes_[frame] = chunk.end - chunk.begin;
  });
}

std::optional<std::uint64_t> frame_chunks::bytes_of(std::size_t frame) const {
  if (bytes_[frame] == unknown) return std::nullopt;
  return bytes_[frame];
}

std::optional<std::uint64_t> frame_chunks::requested_by(std::size_t frame) const {
  if (!in_.has_headers()) return std::nullopt;
  const auto header = in_.image().word(in_.tasks().frames[frame] - sizeof(layout::frame_header));
  if (static_cast<std::uint32_t>(header) != layout::frame_magic) return std::nullopt;
  return header >> 32;
}

}  // namespace tasks::cli

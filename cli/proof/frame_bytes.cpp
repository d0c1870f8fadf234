#include "proof/frame_bytes.hpp"

#include "target/registry_reader.hpp"

namespace tasks::cli {

std::map<std::uint64_t, std::uint64_t> frame_bytes(const target& from, const std::vector<std::uint64_t>& ids) {
  std::map<std::uint64_t, std::uint64_t> sizes;
  const auto& roots = from.roots();
  if (ids.empty() || !roots) return sizes;
  const auto& bytes = from.bytes();
  detail::task_filter these;
  these.ids = ids;
  std::size_t found = 0;
  registry_reader reader(bytes, *roots);
  reader.walk(these, 0, [&](const target_task& task) {
    if (++found == ids.size()) reader.leave();
    std::uint64_t size = 0;
    for (std::size_t i = 0; i < task.depth; ++i) {
      const auto header = bytes.get<std::uint64_t>(task.frames[i] - sizeof(layout::frame_header)).value_or(0);
      if (static_cast<std::uint32_t>(header) != layout::frame_magic) return;
      size += header >> 32;
    }
    sizes[task.id] = size;
  });
  return sizes;
}

}  // namespace tasks::cli

#include "proof/prove_target.hpp"

#include "picture/picture.hpp"
#include "proof/prover.hpp"
#include "sources/memory_source.hpp"
#include "target/registry_reader.hpp"

namespace tasks::cli::leaks {

result<proof> prove_target(snapshot_source& source) {
  if (source.is_alive()) {
    const auto roots = roots_of(source.pid());
    if (!roots) return roots.why();
    return prove(source.pid(), *roots);
  }
  auto taken = take_picture(source);
  if (!taken) return taken.why();
  return prove(taken->image, taken->threads, taken->kernel, taken->roots);
}

std::map<std::uint64_t, std::uint64_t> frame_bytes(snapshot_source& source, const std::vector<std::uint64_t>& ids) {
  std::map<std::uint64_t, std::uint64_t> sizes;
  if (ids.empty()) return sizes;
  const auto measure = [&](const memory& bytes, const std::vector<root_copy>& roots) {
    detail::task_filter these;
    these.ids = ids;
    registry_reader(bytes, roots).walk(these, 0, [&](const target_task& task) {
      std::uint64_t size = 0;
      for (std::size_t i = 0; i < task.depth; ++i) {
        const auto header = bytes.get<std::uint64_t>(task.frames[i] - sizeof(layout::frame_header)).value_or(0);
        if (static_cast<std::uint32_t>(header) != layout::frame_magic) return;
        size += header >> 32;
      }
      sizes[task.id] = size;
    });
  };
  if (!source.is_alive()) {
    const auto& core = dynamic_cast<const memory_source&>(source);
    measure(core.bytes(), core.roots());
  } else if (const auto roots = roots_of(source.pid())) {
    measure(*process_memory(source.pid()), *roots);
  }
  return sizes;
}

}  // namespace tasks::cli::leaks

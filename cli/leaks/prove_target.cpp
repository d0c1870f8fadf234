#include "prove_target.hpp"

#include <algorithm>
#include <optional>

#include "core_file.hpp"
#include "core_registers.hpp"
#include "memory_source.hpp"
#include "proc.hpp"
#include "prover.hpp"
#include "target.hpp"

namespace tasks::cli::leaks {
namespace {

result<std::vector<root_copy>> roots_of(pid_t pid) {
  root_finder finder;
  auto found = finder.find(pid);
  if (auto why = unreadable(pid, found)) return *std::move(why);
  const auto inner_pid = innermost_pid(pid);
  std::erase_if(found.roots, [&](const root_copy& root) { return root.pid != inner_pid; });
  return std::move(found.roots);
}

/// What a core does not tell of what the kernel knew: user data of epoll instances, timers. See cli/README.md.
result<proof> prove_core(const memory_source& source) {
  const core_file& core = *source.core();
  memory_image image(source.bytes(), {});
  return prove(image, registers_of(core), kernel_words{}, source.roots());
}

}  // namespace

result<proof> prove_target(snapshot_source& source) {
  if (!source.is_alive()) return prove_core(dynamic_cast<const memory_source&>(source));
  const auto roots = roots_of(source.pid());
  if (!roots) return roots.why();
  return prove(source.pid(), *roots);
}

std::map<std::uint64_t, std::uint64_t> frame_bytes(snapshot_source& source, const std::vector<std::uint64_t>& ids) {
  std::map<std::uint64_t, std::uint64_t> sizes;
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

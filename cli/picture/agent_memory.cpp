#include "picture/agent_memory.hpp"

#include <cstddef>

#include "tasks/detail/layout.hpp"

namespace tasks::cli {
namespace {

/// The agent has 256 MiB at the most.
constexpr std::size_t most_mappings = std::size_t{1} << 16;

/// Anonymous, and whole within one area.
bool can_be_agents(const memory_image& image, const range& at) {
  const auto* area = image.area_of(at.begin);
  return area != nullptr && area->is_anonymous() && area->writable && at.begin % page_size == 0 && at.begin < at.end &&
         at.end <= area->end;
}

}  // namespace

std::vector<range> agent_memory(const memory_image& image, const std::vector<root_copy>& roots) {
  std::vector<range> found;
  for (const auto& root : roots) {
    root_copy now;
    if (read_root(image, root.address, now) != 0) continue;
    for (auto at = now.agent_memory; at != 0 && found.size() < most_mappings;) {
      const auto size = image.get<std::uint64_t>(at + offsetof(layout::agent_mapping, size)).value_or(0);
      if (!can_be_agents(image, {at, at + size})) break;
      found.push_back({at, at + size});
      at = image.get<std::uint64_t>(at + offsetof(layout::agent_mapping, next)).value_or(0);
    }
  }
  return found;
}

}  // namespace tasks::cli

#include "proof/task_states.hpp"

#include <algorithm>
#include <cstddef>
#include <set>

#include "proof/asio_timers.hpp"

namespace tasks::cli {
namespace {

/// Where the records of a registry lie. They hold the addresses of frames, for readers alone.
void find_slabs(const memory& from, std::uint64_t registry, std::vector<range>& slabs) {
  constexpr auto slab_size = layout::slab_records * layout::record_size;
  const auto used = from.get<std::uint64_t>(registry + offsetof(layout::registry, used)).value_or(0);
  const auto count = std::min<std::uint64_t>(used / layout::slab_records + 1, layout::max_slabs);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto slab = from.get<std::uint64_t>(registry + offsetof(layout::registry, slabs) + 8 * i).value_or(0);
    if (slab != 0) slabs.push_back({slab, slab + slab_size});
  }
}

}  // namespace

seen_tasks read_tasks(const memory& from, const std::vector<root_copy>& roots) {
  seen_tasks seen;
  registry_reader reader(from, roots);
  const auto counts = reader.walk({}, 0, [&](const target_task& task) {
    seen_task t;
    t.id = task.id;
    t.parent = task.parent;
    t.waits_for = detail::kind_of(task);
    t.object = task.object;
    // Of clocks that nobody but the kernel sets.
    const auto clock = layout::detail_of(task.wait);
    const bool known_clock = clock == layout::detail_kind::steady_expiry || clock == layout::detail_kind::system_expiry;
    t.never_expires = t.waits_for == layout::wait_kind::timer && known_clock && task.object != 0 &&
                      timer_list::never_expires(from, task.object);
    t.awaited = (task.flags & layout::record_flags::awaited) != 0;
    t.whole = !task.truncated && task.depth != 0;
    t.first_frame = static_cast<std::uint32_t>(seen.frames.size());
    t.frames = static_cast<std::uint32_t>(task.depth);
    seen.frames.insert(seen.frames.end(), task.frames.begin(),
                       task.frames.begin() + static_cast<std::ptrdiff_t>(task.depth));
    seen.tasks.push_back(t);
  });
  seen.torn = counts.torn != 0 || reader.incomplete();
  std::set<std::uint64_t> registries;
  for (const auto& root : roots)
    if (root.layout == layout::version && root.records != 0 && registries.insert(root.records).second)
      find_slabs(from, root.records, seen.slabs);
  return seen;
}

}  // namespace tasks::cli

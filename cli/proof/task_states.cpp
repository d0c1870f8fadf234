#include "proof/task_states.hpp"

#include <cstddef>

#include "proof/asio_timers.hpp"

namespace tasks::cli {

seen_tasks read_tasks(const memory& from, const std::vector<root_copy>& roots,
                      const std::function<bool(const seen_tasks&)>& is_enough) {
  seen_tasks seen;
  registry_reader reader(from, roots);
  const auto counts = reader.walk({}, 0, [&](const target_task& task) {
    seen_task t;
    t.id = task.id;
    t.parent = task.parent;
    t.version = task.version();
    t.waits_for = detail::kind_of(task);
    t.object = task.object;
    // Of clocks that nobody but the kernel sets.
    const auto clock = layout::detail_of(task.wait);
    const bool known_clock = clock == layout::detail_kind::steady_expiry || clock == layout::detail_kind::system_expiry;
    t.never_expires = t.waits_for == layout::wait_kind::timer && known_clock && task.object != 0 &&
                      timer_list::never_expires(from, task.object);
    t.awaited = (task.flags & layout::record_flags::awaited) != 0;
    t.whole = !task.truncated && task.depth != 0;
    t.unnamed = layout::state_of(task.word) == layout::record_state::blocked_unknown && t.whole;
    if (t.unnamed) t.object = task.frames.front() + promise_offset;
    t.first_frame = static_cast<std::uint32_t>(seen.frames.size());
    t.frames = static_cast<std::uint32_t>(task.depth);
    seen.frames.insert(seen.frames.end(), task.frames.begin(),
                       task.frames.begin() + static_cast<std::ptrdiff_t>(task.depth));
    seen.tasks.push_back(t);
    if (is_enough && is_enough(seen)) reader.leave();
  });
  seen.torn = counts.torn != 0 || reader.incomplete();
  seen.slabs = reader.slabs();
  return seen;
}

}  // namespace tasks::cli

#include "proof/preview.hpp"

#include <algorithm>

#include "picture/glibc_heap.hpp"
#include "proof/scene.hpp"
#include "proof/task_states.hpp"

namespace tasks::cli {

preview look_ahead(const memory& live, const std::vector<root_copy>& roots) {
  const auto& regions = live.regions();
  const auto now = read_again(live, roots);
  preview found;
  // One task is enough, and most often it is the first.
  const auto seen = read_tasks(live, now, [&](const seen_tasks& so_far) {
    const auto& task = so_far.tasks.back();
    if (!may_be_leaked(task) || task.frames == 0) return false;
    const auto frame = so_far.frames[task.first_frame];
    const auto region = std::find_if(regions.begin(), regions.end(),
                                     [frame](const memory_region& r) { return frame >= r.begin && frame < r.end; });
    found.worth_a_stop = region == regions.end() || may_be_glibc(live, *region, frame);
    return found.worth_a_stop;
  });
  // Nor is there nothing to prove where not all could be read, as it moves.
  found.worth_a_stop = found.worth_a_stop || seen.torn || now.size() < roots.size();
  if (found.worth_a_stop) return found;
  found.without.tasks = seen.tasks.size();
  for (const auto& task : seen.tasks) {
    if (!may_be_leaked(task)) continue;
    auto& unchecked = found.without.findings.emplace_back();
    unchecked.task = task.id;
    unchecked.object = task.object;
    unchecked.reason = found.without.number_of(task.frames == 0 ? "its stack is not known"
                                                                : "the allocator of its frames is not known");
    ++found.without.unchecked;
  }
  return found;
}

}  // namespace tasks::cli

#include "dump/deadlock_watch.hpp"

#include <algorithm>

#include "readers/task_walk.hpp"
#include "registry/process_roots.hpp"

namespace tasks::detail {
namespace {

constexpr std::uint64_t between_looks_ms = 1000, part_of_time = 100;

/// 0: some task can be woken. Else it changes whenever one of them goes on, begins or ends: its word does.
std::uint64_t hash_if_all_wait() {
  make_registries_known();
  task_walk walk({}, task_walk::order::any);
  std::uint64_t hash = 0;
  for (auto step = walk.next(); step != task_walk::step::end; step = walk.next()) {
    if (step == task_walk::step::pause) continue;
    const auto& counts = walk.counts();
    // One that cannot be copied runs.
    if (counts.on_channels + counts.on_tasks != counts.tasks || counts.on_more != 0) return 0;
    hash += (walk.task().id * 0x9e37'79b9'7f4a'7c15) ^ (walk.task().word * 0xc2b2'ae3d'27d4'eb4f);
  }
  return walk.counts().all_on_channels() ? hash | 1 : 0;
}

}  // namespace

bool deadlock_watch::look() {
  const auto begin = monotonic_ms();
  const auto seen = hash_if_all_wait();
  const auto now = monotonic_ms();
  next_look_ = now + std::max(between_looks_ms, (now - begin) * part_of_time);
  if (seen == 0 || seen != seen_) seen_since_ = begin;
  seen_ = seen;
  return seen != 0 && now - seen_since_ >= quiet_for_ms_;
}

}  // namespace tasks::detail

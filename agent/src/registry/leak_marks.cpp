#include "registry/leak_marks.hpp"

#include "registry/registry.hpp"

namespace tasks::detail {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;

}  // namespace

void mark_spawn(record& r, std::uint64_t id, const layout::thread_slot& slot) noexcept {
  const record* parent = this_thread.current;
  auto scope = parent != nullptr ? tagged_scope(load(parent->scope), load(parent->id)) : slot.scope.load(relaxed);
  if (scope == 0) scope = slot.home.load(relaxed)->common_scope.load(relaxed);
  store(r.scope, scope_tag(scope, id));
}

std::uint64_t current_task() noexcept {
  const record* task = this_thread.current;
  return task != nullptr ? load(task->id) : 0;
}

}  // namespace tasks::detail

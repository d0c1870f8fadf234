#include "leak_check/leak_scope.hpp"

#include <algorithm>
#include <mutex>
#include <new>

#include "registry/leak_marks.hpp"
#include "registry/process_roots.hpp"
#include "registry/registry.hpp"

namespace tasks::detail {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;
constexpr std::uint64_t most_scopes = (std::uint64_t{1} << (64 - scope_id_bits)) - 1;

// All scopes that exist, the newest first. No thread takes the lock to begin, run or end a task.
constinit std::mutex lock;
constinit leak_scope* newest = nullptr;
constinit std::uint64_t numbers = 0;

/// Calls `visit(slot)` for each slot of a registry.
template <class Visit>
void for_each_slot(layout::registry& home, Visit visit) {
  const auto count = std::min<std::uint64_t>(home.threads.load(std::memory_order_acquire), layout::max_threads);
  for (std::uint64_t i = 0; i < count; ++i) visit(home.slots[i]);
}

/// The scope that the running task, or without one the thread, belongs to; 0: none.
std::uint64_t scope_here() noexcept {
  if (const record* task = this_thread.current) return tagged_scope(load(task->scope), load(task->id));
  const auto* slot = this_thread.slot;
  return slot != nullptr ? slot->scope.load(relaxed) : 0;
}

}  // namespace

leak_scope::leak_scope(bool whole_process) noexcept : maker_(current_task()), whole_process_(whole_process) {
  const std::lock_guard hold(lock);
  numbers = numbers % most_scopes + 1;
  number_ = numbers;
  outer_ = find_outer();
  next_ = newest;
  newest = this;
  // A task is a thread of execution of its own: it marks what it spawns, whatever OS thread runs it.
  if (record* task = this_thread.current)
    store(task->scope, scope_tag(number_, maker_));
  else
    enter_thread();
  const auto registries = find_registries();
  registries_ = registries.size();
  for (auto* home : registries) {
    if (whole_process) home->common_scope.store(number_, relaxed);
    home->scopes.fetch_add(1, std::memory_order_seq_cst);
    for_each_slot(*home, [](layout::thread_slot& slot) { slot.id_end.store(0, std::memory_order_seq_cst); });
  }
}

leak_scope::~leak_scope() {
  const std::lock_guard hold(lock);
  auto** link = &newest;
  while (*link != this) link = &(*link)->next_;
  *link = next_;
  std::uint64_t common = 0;
  for (auto* s = newest; s != nullptr; s = s->next_) {
    if (s->outer_ == this) s->outer_ = outer_;
    if (common == 0 && s->whole_process_) common = s->number_;
  }
  const auto outer = outer_ != nullptr ? outer_->number_ : 0;
  if (record* task = this_thread.current; task != nullptr && load(task->id) == maker_)
    store(task->scope, scope_tag(outer, maker_));
  const auto registries = find_registries().first(registries_);
  for (auto* home : registries) {
    for_each_slot(*home, [this, outer](layout::thread_slot& slot) {
      auto mine = number_;
      slot.scope.compare_exchange_strong(mine, outer, relaxed);
    });
    home->common_scope.store(common, relaxed);
    home->scopes.fetch_sub(1, std::memory_order_seq_cst);
  }
  if (outer_ == nullptr) return;
  try {
    outer_->ended_.push_back(number_);
    outer_->ended_.insert(outer_->ended_.end(), ended_.begin(), ended_.end());
  } catch (const std::bad_alloc&) {  // the outer scope no longer claims what this one leaves behind
  }
}

/// Precondition: the lock is held, and this one is not in the list yet.
leak_scope* leak_scope::find_outer() const noexcept {
  const auto here = scope_here();
  leak_scope* whole = nullptr;
  for (auto* s = newest; s != nullptr; s = s->next_) {
    if (s->number_ == here) return s;
    if (whole == nullptr && s->whole_process_) whole = s;
  }
  return whole;
}

bool leak_scope::contains(const leak_scope& other) const noexcept {
  for (const auto* s = &other; s != nullptr; s = s->outer_)
    if (s == this) return true;
  return false;
}

leak_scope::claim leak_scope::claims() const {
  const std::lock_guard hold(lock);
  claim all;
  for (const auto* s = newest; s != nullptr; s = s->next_) {
    if (!contains(*s)) continue;
    all.scopes.insert(s->number_);
    all.scopes.insert(s->ended_.begin(), s->ended_.end());
  }
  all.except = excused_;
  return all;
}

void leak_scope::excuse(const std::vector<std::uint64_t>& ids) {
  const std::lock_guard hold(lock);
  for (auto* s = this; s != nullptr; s = s->outer_) s->excused_.insert(ids.begin(), ids.end());
}

std::uint64_t leak_scope::enter_thread() const noexcept {
  auto* slot = ensure_slot();
  return slot != nullptr ? slot->scope.exchange(number_, relaxed) : 0;
}

void leak_scope::leave_thread(std::uint64_t number, std::uint64_t before) noexcept {
  if (auto* slot = this_thread.slot) slot->scope.compare_exchange_strong(number, before, relaxed);
}

}  // namespace tasks::detail

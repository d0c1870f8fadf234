#include "registry/composed_waits.hpp"

#include <algorithm>
#include <cstring>

#include "registry/registry.hpp"

// What a task waits for whose operation has parts, one after the other (async_read of a whole message, a TLS handshake)
// or at once (parallel_group).
//
//   async_read ──> async_receive ──completes──> read_op's handler ──> async_receive ──> … ──> the task
//                  begin_part()     end_part()                        begin_part()
//
// Whoever begins or ends a part holds its handler, with the task's own inside. Until that handler is gone the task can
// be resumed by nobody, so the fields of its record are the holder's to write; the members of a group, which several
// threads may end at once, have a place each. What the task is comes from the allocator that Asio asks each handler
// for: the question is passed on, from wrapper to wrapper, down to the task's own handler.

namespace tasks::detail {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;
/// Of an awaitable's promise, behind the beginning of its frame: two pointers.
constexpr std::uint64_t promise_offset = 16;

constexpr auto never = std::uint64_t{INT64_MAX};
constexpr std::uint64_t blocked_bits = layout::state_bits_of(record_state::blocked);
constexpr std::uint64_t unknown_bits = layout::state_bits_of(record_state::blocked_unknown);

std::uint64_t state_in(std::uint64_t word) noexcept { return word & layout::state_mask; }

/// The task whose outermost entry this is. Null: it was left of a task that has ended.
record* task_of(const entry* outermost) noexcept {
  if (outermost == nullptr || outermost == nowhere_entry()) return nullptr;
  record* r = owner(outermost);
  return load(r->id) != 0 && outermost == &r->stack[0] ? r : nullptr;
}

/// Does the operation hold this pointer? All of it is looked at, without a branch: some is padding, and memcheck
/// complains of what depends on that alone.
bool holds(const begun_operation& operation, std::uint64_t pointer) noexcept {
  const auto* bytes = static_cast<const unsigned char*>(operation.at);
  bool found = false;
  for (std::size_t i = 0; i + sizeof(std::uint64_t) <= operation.size; i += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes + i, sizeof word);
    found |= word == pointer;
  }
  return found && pointer != 0;
}

/// The task whose handler is in the operation. By value it holds the pointer that makes the handler what it is: to the
/// promise of the task's outermost frame, or to its group. Null: it is not known whose.
record* task_in(const begun_operation& operation) noexcept {
  const thread_state& t = this_thread;
  record* r = task_of(operation.of_member ? t.reached_member : t.reached);
  if (r == nullptr) return nullptr;
  if (holds(operation, operation.of_member ? address(t.reached_group) : load(r->stack[0].frame) + promise_offset))
    return r;
  return operation.points_to && (r == t.waiting || r == t.part_of) ? r : nullptr;
}

/// From here the record is this thread's to write. False: the task does not wait, or another thread has it.
bool take(record& r) noexcept {
  auto word = load(r.word);
  if (state_in(word) != blocked_bits && state_in(word) != unknown_bits) return false;
  const auto taken = (word & ~layout::state_mask) + layout::one_version + unknown_bits;
  return r.word.compare_exchange_strong(word, taken, std::memory_order_acq_rel, relaxed);
}

void publish_taken(record& r, std::uint64_t wait, std::uint64_t object, std::uint64_t detail) noexcept {
  store(r.wait, wait);
  store(r.object, object);
  if (layout::detail_of(wait) != layout::detail_kind::none) store(r.detail, detail);
  store(r.word, load(r.word) + layout::one_version + blocked_bits - unknown_bits);
}

/// The task's group_record, from an earlier group or new. Null: no memory. A task's own comes before a vacant place,
/// which lies in front of it where a label was set later: it would be one more with each group, and none for labels.
layout::group_record* group_of(record& r) noexcept {
  layout::group_record* vacant = nullptr;
  for (auto at = load(r.annotations); at != 0;) {
    auto* group = reinterpret_cast<layout::group_record*>(at);
    if (const auto word = load(group->word); layout::state_of(word) == record_state::group) {
      if (layout::depth_of(word) != layout::vacant) return group;
      vacant = group;
    }
    at = load(group->next);
  }
  if (vacant != nullptr) {
    store(vacant->word, next_word(load(vacant->word), record_state::group, 0));
    return vacant;
  }
  record* fresh = take_free_record();
  if (fresh == nullptr) return nullptr;
  auto* group = reinterpret_cast<layout::group_record*>(fresh);
  group->owner = &r;
  store(group->owner_id, load(r.id));
  store(group->next, load(r.annotations));
  store(group->word, next_word(load(group->word), record_state::group, 0));
  store(r.annotations, address(group));
  return group;
}

/// The group that the task waits for now. Null: it waits for none.
layout::group_record* awaited_group(const record& r) noexcept {
  if (state_in(load(r.word)) != blocked_bits || layout::kind_of(load(r.wait)) != layout::wait_kind::group)
    return nullptr;
  return reinterpret_cast<layout::group_record*>(load(r.object));
}

/// The task's group, begun now if this is the first of its operations. Null: it cannot be told.
layout::group_record* begin_group(record& r) noexcept {
  if (auto* begun = awaited_group(r)) return begun;
  const bool has_child =
      state_in(load(r.word)) == blocked_bits && layout::kind_of(load(r.wait)) == layout::wait_kind::tasks;
  if (!take(r)) return nullptr;
  auto* group = group_of(r);
  if (group == nullptr) return nullptr;
  for (auto& member : group->waits) store(member.wait, 0);
  store(group->members, this_thread.members | std::uint64_t{has_child} << 32);
  const auto wait = layout::pack_wait(layout::wait_kind::group, layout::detail_kind::none, layout::no_descriptor);
  publish_taken(r, wait, address(group), 0);
  return group;
}

/// Readers look at a member's wait before and after its other words: while they are written it says that it is between
/// two.
void store_member(layout::group_record::member& to, std::uint64_t wait, std::uint64_t object,
                  std::uint64_t detail) noexcept {
  const auto generation = (load(to.wait) + layout::one_generation) & layout::generation_mask;
  store(to.wait, generation | layout::member_between);
  store(to.object, object);
  store(to.detail, detail);
  store(to.wait, (wait & ~layout::generation_mask) | ((generation + layout::one_generation) & layout::generation_mask));
}

/// Is a time-out noted for what the task does next?
bool has_timeout(const record& r) noexcept { return this_thread.timed == &r && this_thread.timed_word == load(r.word); }

/// Notes one, beside those that are noted.
void note_timeout(const record& r, ends_another what, std::uint64_t when) noexcept {
  thread_state& t = this_thread;
  if (!has_timeout(r)) t.timeout = t.timeout_of_all = never;
  t.timed = &r;
  t.timed_word = load(r.word);
  auto& noted = what == ends_another::all ? t.timeout_of_all : t.timeout;
  noted = std::min(noted, when);
}

/// Adds the first of the time-outs that are noted for this operation to what is told of it.
void add_timeout(const record& r, const begun_operation& operation, std::uint64_t& wait,
                 std::uint64_t& detail) noexcept {
  using layout::detail_kind;
  thread_state& t = this_thread;
  if (!has_timeout(r)) return;
  t.timed = nullptr;
  const auto of_all = operation.whole ? t.timeout_of_all : never;
  const auto when = std::min(t.timeout, of_all);
  if (when == never) return;
  const auto had = layout::detail_of(wait);
  if (had != detail_kind::none && had != detail_kind::capacity) return;
  if (had == detail_kind::none) detail = when;
  wait = layout::pack_wait(layout::kind_of(wait),
                           had == detail_kind::none ? detail_kind::timeout : detail_kind::capacity_and_timeout,
                           layout::descriptor_of(wait));
  if (had == detail_kind::none && when == of_all) wait |= layout::timeout_of_all;
}

void begin_of_task(record& r, const begun_operation& operation) noexcept {
  auto wait = operation.wait;
  auto detail = operation.detail;
  thread_state& t = this_thread;
  add_timeout(r, operation, wait, detail);
  t.timed = nullptr;
  if (operation.of_member) {
    if (t.member >= layout::group_record::room) return;
    if (auto* group = begin_group(r)) store_member(group->waits[t.member], wait, operation.object, detail);
    return;
  }
  if (t.waiting == &r) t.waiting = nullptr;
  if (take(r)) publish_taken(r, wait, operation.object, detail);
}

}  // namespace

bool add_child(record& parent) noexcept {
  auto* group = awaited_group(parent);
  if (group == nullptr) return false;
  store(group->members, load(group->members) + (std::uint64_t{1} << 32));
  return true;
}

void begin_part(const begun_operation& operation) noexcept {
  thread_state& t = this_thread;
  if (operation.timeout != ends_another::no) {
    const record* r = t.waiting != nullptr ? t.waiting : t.part_of;
    if (r != nullptr && layout::detail_of(operation.wait) == layout::detail_kind::steady_expiry)
      note_timeout(*r, operation.timeout, operation.detail);
    return;
  }
  if (record* r = task_in(operation)) {
    begin_of_task(*r, operation);
    return;
  }
  // Started by the task's initiation with a handler that does not show whose it is: the first one is its best guess.
  record* r = t.waiting;
  if (r == nullptr) return;
  t.waiting = nullptr;
  auto wait = operation.wait;
  auto detail = operation.detail;
  add_timeout(*r, operation, wait, detail);
  publish_wait(r, wait, operation.object, detail);
}

void end_part(bool last) noexcept {
  thread_state& t = this_thread;
  const bool of_member = t.reached_group != nullptr;
  record* r = task_of(of_member ? t.reached_member : t.reached);
  t.part_of = r;
  if (r == nullptr) return;
  t.timed = nullptr;
  if (of_member) {
    auto* group = awaited_group(*r);
    if (group == nullptr || t.member >= layout::group_record::room) return;
    store_member(group->waits[t.member], last ? layout::member_ended : layout::member_between, 0, 0);
    return;
  }
  auto word = load(r->word);
  if (state_in(word) != blocked_bits) return;
  const bool lasts = (load(r->wait) & layout::timeout_of_all) != 0;
  if (r->word.compare_exchange_strong(word, word + layout::one_version + unknown_bits - blocked_bits,
                                      std::memory_order_acq_rel, relaxed) &&
      lasts)
    note_timeout(*r, ends_another::all, load(r->detail));
}

}  // namespace tasks::detail

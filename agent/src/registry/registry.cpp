#include "registry/registry.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "registry/call_paths.hpp"
#include "registry/composed_waits.hpp"
#include "registry/forks.hpp"
#include "registry/labels.hpp"
#include "registry/leak_marks.hpp"
#include "registry/process_roots.hpp"
#include "registry/root_note.hpp"
#include "registry/timing.hpp"
#include "tasks/detail/writer.hpp"

TASKS_ROOT_NOTE(tasks_this_root);

namespace tasks::detail {

using layout::batch_records;
using layout::registry;
using layout::slab_records;
using layout::thread_slot;

constinit record nowhere{.word{},
                         .owner = &nowhere,
                         .previous{},
                         .resumes{},
                         .since{},
                         .running_since{},
                         .thread{},
                         .flags{},
                         .wait{},
                         .object{},
                         .detail{},
                         .id{},
                         .parent{},
                         .spawn_path{},
                         .spawn_where{},
                         .spawn_outer{},
                         .annotations{},
                         .overflow{},
                         .scope{},
                         .stack{}};

constinit thread_local thread_state this_thread
    [[gnu::tls_model("initial-exec")]] = {nullptr, nullptr, &nowhere.stack[layout::inline_entries - 1],
                                          nullptr, nullptr, 0,
                                          0,       0,       0,
                                          nullptr, nullptr, nullptr,
                                          0,       0,       nullptr,
                                          nullptr, 0,       0,
                                          0};

constinit layout::root this_root = {layout::root_magic,
                                    layout::version,
                                    sizeof(layout::root),
                                    layout::record_size,
                                    sizeof(layout::frame_header),
                                    {},
                                    {},
                                    {},
                                    {},
                                    {},
                                    {},
                                    {},
                                    {},
                                    {},
                                    {},
                                    {},
                                    {},
                                    {},
                                    {},
                                    {}};

namespace {

constexpr auto relaxed = std::memory_order_relaxed;

void* map(std::size_t bytes) noexcept {
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return p == MAP_FAILED ? nullptr : p;
}

/// Field 22 of /proc/self/stat; 0 where /proc cannot be read. Async-signal-safe.
std::uint64_t process_start_time() noexcept {
  char text[1024];
  const int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const auto size = read(fd, text, sizeof text - 1);
  close(fd);
  if (size <= 0) return 0;
  text[size] = 0;
  const char* p = std::strrchr(text, ')');  // field 2 may hold anything, blanks and parentheses too
  for (int field = 2; p != nullptr && field < 22; ++field) p = std::strchr(p + 1, ' ');
  std::uint64_t value = 0;
  if (p != nullptr)
    for (++p; *p >= '0' && *p <= '9'; ++p) value = value * 10 + static_cast<std::uint64_t>(*p - '0');
  return value;
}

void take_ownership() noexcept {
  this_root.start_time.store(process_start_time(), relaxed);
  this_root.pid.store(static_cast<std::uint32_t>(getpid()), std::memory_order_release);
}

/// Slots before this one may belong to the thread that forked, whose number is another now. 0: to no other.
constinit std::atomic<std::uint64_t> first_adoptable{0};

/// The child of a fork owns its copy of everything; of its parent's threads only the forking one goes on.
void after_fork_in_child() noexcept {
  take_ownership();
  this_root.timing.store(nullptr, relaxed);
  this_root.tick.store(0, relaxed);
  if (registry* home = this_root.records.load(relaxed)) {
    home->timing.store(nullptr, relaxed);
    home->tick.store(0, relaxed);
  }
  if (const auto agent = static_cast<layout::agent_status>(this_root.agent.load(relaxed));
      agent == layout::agent_status::listening || agent == layout::agent_status::starting)
    this_root.agent.store(static_cast<std::uint32_t>(layout::agent_status::forked), std::memory_order_release);
  this_thread.tid = 0;
  if (this_thread.slot != nullptr)
    this_thread.slot->tid.store(static_cast<std::uint32_t>(syscall(SYS_gettid)), std::memory_order_release);
}

/// Of what no handler has told that it is the child of a fork. On any of its threads.
void own_after_fork() noexcept {
  registry* home = this_root.records.load(std::memory_order_acquire);
  if (home == nullptr || this_root.pid.load(std::memory_order_acquire) == static_cast<std::uint32_t>(getpid())) return;
  first_adoptable.store(home->threads.load(std::memory_order_acquire), relaxed);
  after_fork_in_child();
}

/// The executable's ids begin at 1. A shared object's begin at a place of their own, so that ids stay unique in the
/// process: bits 16 to 31 of where it is mapped, which two objects can share only 4 GiB apart.
std::uint64_t first_id() noexcept {
  return is_executable() ? 1 : (((address_of_object() >> 16) & 0xffff) | 0x10000) << 40;
}

record* record_at(registry& home, std::uint64_t index) noexcept {
  record* slab = home.slabs[index / slab_records].load(std::memory_order_acquire);
  return slab == nullptr ? nullptr : slab + index % slab_records;
}

/// Hands out a batch of records that were never used. False: no memory, or max_slabs are full.
bool take_fresh_batch(thread_slot& slot, registry& home) noexcept {
  const auto first = home.used.load(relaxed) < layout::max_slabs * slab_records
                         ? home.used.fetch_add(batch_records, std::memory_order_acq_rel)
                         : layout::max_slabs * slab_records;
  if (first >= layout::max_slabs * slab_records) return false;
  auto& entry = home.slabs[first / slab_records];
  if (entry.load(std::memory_order_acquire) == nullptr) {
    auto* slab = static_cast<record*>(map(slab_records * sizeof(record)));
    if (slab == nullptr) return false;
    record* expected = nullptr;
    if (!entry.compare_exchange_strong(expected, slab, std::memory_order_acq_rel))
      munmap(slab, slab_records * sizeof(record));  // another thread was first; this one was never seen
  }
  slot.fresh_next.store(first, relaxed);
  slot.fresh_end.store(first + batch_records, relaxed);
  return true;
}

// The shared stack of free batches: a batch hangs on its first record, whose `overflow` is the packed next batch.
constexpr unsigned batch_address_bits = 40;
constexpr std::uint64_t batch_address_mask = (std::uint64_t{1} << batch_address_bits) - 1;
record* batch_record(std::uint64_t packed) noexcept {
  return reinterpret_cast<record*>((packed & batch_address_mask) * layout::record_size);
}
std::uint64_t pack_batch(record* first, std::uint64_t old) noexcept {
  const auto tag = (old >> batch_address_bits) + 1;  // against a head that was popped and pushed again meanwhile
  return tag << batch_address_bits | address(first) / layout::record_size;
}

record* pop_batch(registry& home) noexcept {
  auto head = home.free_batches.load(std::memory_order_acquire);
  while (record* first = batch_record(head)) {
    // Another thread may have popped it meanwhile; what is read then is thrown away with the tag.
    const auto next = first->overflow.load(relaxed);
    if (home.free_batches.compare_exchange_weak(head, pack_batch(batch_record(next), head), std::memory_order_acq_rel,
                                                std::memory_order_acquire))
      return first;
  }
  return nullptr;
}

void push_batch(registry& home, record* first) noexcept {
  auto head = home.free_batches.load(relaxed);
  do {
    first->overflow.store(head, std::memory_order_release);  // seen later than its word
  } while (!home.free_batches.compare_exchange_weak(head, pack_batch(first, head), std::memory_order_acq_rel, relaxed));
}

record* take_record(thread_slot& slot) noexcept {
  for (;;) {
    if (record* r = slot.free_head.load(relaxed)) [[likely]] {
      slot.free_head.store(r->previous.load(relaxed), relaxed);
      slot.free_count.store(slot.free_count.load(relaxed) - 1, relaxed);
      return r;
    }
    registry& home = *slot.home.load(relaxed);
    if (const auto next = slot.fresh_next.load(relaxed); next != slot.fresh_end.load(relaxed)) {
      slot.fresh_next.store(next + 1, relaxed);
      record* r = record_at(home, next);
      r->owner = r;
      return r;
    }
    record* batch = slot.spare.exchange(nullptr, relaxed);
    if (batch == nullptr) batch = pop_batch(home);
    if (batch != nullptr) {
      slot.free_head.store(batch, relaxed);
      slot.free_count.store(batch_records, relaxed);
    } else if (!take_fresh_batch(slot, home)) {
      home.lost.fetch_add(1, relaxed);
      return nullptr;
    }
  }
}

/// Puts a record, already marked free, back.
void give_record(thread_slot& slot, record* r) noexcept {
  auto count = slot.free_count.load(relaxed);
  if (count == batch_records) [[unlikely]] {
    if (record* spare = slot.spare.exchange(slot.free_head.load(relaxed), relaxed))
      push_batch(*slot.home.load(relaxed), spare);
    slot.free_head.store(nullptr, relaxed);
    count = 0;
  }
  r->previous.store(slot.free_head.load(relaxed), relaxed);
  slot.free_head.store(r, relaxed);
  slot.free_count.store(count + 1, relaxed);
}

bool thread_exists(std::uint32_t tid) noexcept { return syscall(SYS_tgkill, getpid(), tid, 0) == 0 || errno != ESRCH; }

/// A slot whose thread has ended, with all the free records it left. There is no hook on a thread's exit: it would
/// keep a shared object from being unloaded, and a task may still end after it.
thread_slot* adopt_slot(registry& home, std::uint32_t tid) noexcept {
  const auto count = home.threads.load(std::memory_order_acquire);
  const auto looks = count < layout::max_threads ? 8 : layout::max_threads;
  const auto first = first_adoptable.load(relaxed);
  for (std::uint64_t i = 0; i < looks && i < count; ++i) {
    const auto index = home.search.fetch_add(1, relaxed) % count;
    if (index < first) continue;
    auto& slot = home.slots[index];
    auto old = slot.tid.load(std::memory_order_acquire);
    if (old == 0 || (old != tid && thread_exists(old))) continue;
    if (slot.tid.compare_exchange_strong(old, tid, std::memory_order_acq_rel)) {
      slot.worker.store(0, std::memory_order_release);
      slot.scope.store(0, relaxed);
      return &slot;
    }
  }
  return nullptr;
}

thread_slot* claim_slot() noexcept {
  registry* home = ensure_registry();
  if (home == nullptr) return nullptr;
  own_after_fork();
  const auto tid = static_cast<std::uint32_t>(syscall(SYS_gettid));
  thread_slot* slot = adopt_slot(*home, tid);
  if (slot == nullptr) {
    if (home->threads.load(relaxed) >= layout::max_threads) return nullptr;
    const auto index = home->threads.fetch_add(1, std::memory_order_acq_rel);
    if (index >= layout::max_threads) {
      home->threads.fetch_sub(1, std::memory_order_acq_rel);
      return nullptr;
    }
    slot = &home->slots[index];
    slot->home.store(home, relaxed);
    slot->tid.store(tid, std::memory_order_release);
  }
  return this_thread.slot = slot;
}

/// Where the innermost frame of the spawning task is, and the one that waits for it: leaves 0 where these are more than
/// a look away.
[[gnu::always_inline]] inline void store_spawner(record* to, const record* from) noexcept {
  const auto depth = from != nullptr ? layout::depth_of(load(from->word)) : 0;
  const bool at_hand = depth >= 1 && depth <= layout::inline_entries;
  const entry* innermost = at_hand ? &from->stack[depth - 1] : nullptr;
  store(to->spawn_where, at_hand ? load(innermost->where) : 0);
  store(to->spawn_outer, at_hand && depth >= 2 ? load(innermost[-1].where) : 0);
}

constinit std::atomic<void (*)() noexcept> at_next_spawn{nullptr};

/// The second half of begin_task.
[[gnu::always_inline]] inline entry* begin_with(std::uint64_t id, record* r, thread_slot* slot, void* frame,
                                                std::uint64_t path, const record* parent) noexcept {
  slot->id_next.store(id + 1, relaxed);
  store(r->id, id);
  store(r->parent, parent != nullptr ? load(parent->id) : 0);
  store(r->spawn_path, path);
  store_spawner(r, parent);
  store(r->annotations, 0);
  if (parent != nullptr && load(parent->annotations) != 0) [[unlikely]]
    store(r->annotations, inherit_labels(*parent, *r, id));
  store(r->overflow, 0);
  store(r->stack[0].frame, address(frame));
  store(r->stack[0].where, 0);
  store(r->word, next_word(load(r->word), record_state::ready, 1));
  store(slot->spawned, load(slot->spawned) + 1);
  return &r->stack[0];
}

/// The same when the thread's ids are used up. While there are leak checks, or tasks are timed, it takes one id at a
/// time, and marks the task, or notes when it began: a thread that takes many just when that begins either sees it, or
/// has its id_end stored anew by it afterwards (both sequentially consistent).
[[gnu::noinline, gnu::cold]] entry* begin_with_new_ids(record* r, thread_slot* slot, void* frame,
                                                       std::uint64_t path) noexcept {
  registry& home = *slot->home.load(relaxed);
  own_after_fork();
  if (at_next_spawn.load(relaxed) != nullptr) [[unlikely]]
    if (const auto call = at_next_spawn.exchange(nullptr, relaxed); call != nullptr) call();
  const auto count = home.scopes.load(relaxed) == 0 && !is_timed() ? batch_records : 1;
  const auto id = home.next_id.fetch_add(count, relaxed);
  slot->id_end.store(id + count, std::memory_order_seq_cst);
  const bool timed = is_timed();
  if (home.scopes.load(std::memory_order_seq_cst) != 0) {
    slot->id_end.store(id + 1, relaxed);
    mark_spawn(*r, id, *slot);
  }
  if (timed) slot->id_end.store(id + 1, relaxed);
  entry* outermost = begin_with(id, r, slot, frame, path, this_thread.current);
  if (timed) note_spawned(*r);
  return outermost;
}

/// Frees the records of a task that ends, `of`, along their links.
void free_chain(thread_slot& slot, const record& of, std::uint64_t first) noexcept {
  while (first != 0) {
    auto* r = reinterpret_cast<record*>(first);
    first = load(reinterpret_cast<layout::overflow_record*>(r)->next);
    if (layout::state_of(load(r->word)) == record_state::timing)
      note_ended(of, *reinterpret_cast<layout::timing_record*>(r));
    store(r->word, next_word(load(r->word), record_state::free, 0));
    r->owner = r;
    give_record(slot, r);
  }
}

}  // namespace

registry* ensure_registry() noexcept {
  if (registry* home = this_root.records.load(std::memory_order_acquire)) return home;
  registry* const adopted = is_executable() ? nullptr : adopt_registry();
  registry* const made = adopted != nullptr ? adopted : static_cast<registry*>(map(sizeof(registry)));
  if (made == nullptr) return nullptr;
  if (adopted == nullptr) made->next_id.store(first_id(), relaxed);
  take_ownership();
  registry* expected = nullptr;
  if (!this_root.records.compare_exchange_strong(expected, made, std::memory_order_acq_rel)) {
    if (adopted != nullptr)
      adopted->abandoned.store(1, std::memory_order_release);
    else
      munmap(made, sizeof(registry));
    return expected;
  }
  make_registries_known();
  at_fork(nullptr, nullptr, after_fork_in_child);
  return made;
}

namespace {

/// Before this object is unloaded, or at exit. What of its tasks still runs goes on beside another's: a registry has
/// room for many threads.
[[gnu::destructor]] void leave_registry() noexcept {
  registry* home = this_root.records.load(std::memory_order_acquire);
  if (home != nullptr && !is_executable()) home->abandoned.store(1, std::memory_order_release);
}

}  // namespace

void call_at_next_spawn(void (*what)() noexcept) noexcept {
  at_next_spawn.store(what, relaxed);
  registry* home = this_root.records.load(std::memory_order_acquire);
  if (home == nullptr) return;
  const auto count = std::min<std::uint64_t>(home->threads.load(relaxed), layout::max_threads);
  for (std::uint64_t i = 0; i < count; ++i) home->slots[i].id_end.store(0, relaxed);
}

std::uint32_t ask_thread_id() noexcept {
  if (this_thread.slot == nullptr) claim_slot();
  this_thread.tid = static_cast<std::uint32_t>(syscall(SYS_gettid));
  if (this_thread.slot != nullptr) this_thread.slot->worker.store(1, std::memory_order_release);
  return this_thread.tid;
}

std::uint64_t coarse_clock() noexcept {
  // The agent may be another object's: it advances no clock of this one's root, but that of its registry.
  if (const registry* home = this_root.records.load(relaxed))
    if (const auto tick = load(home->tick)) return tick;
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1000 + static_cast<std::uint64_t>(t.tv_nsec) / 1'000'000;
}

/// A current task that is blocked is one whose operation is being started.
bool waits_for_tasks(const record& r) noexcept {
  return layout::state_of(load(r.word)) == record_state::blocked &&
         layout::kind_of(load(r.wait)) == layout::wait_kind::tasks;
}

entry* begin_task(void* frame) noexcept {
  thread_state& t = this_thread;
  thread_slot* slot = t.slot != nullptr ? t.slot : claim_slot();
  record* r = slot != nullptr ? take_record(*slot) : nullptr;
  if (r == nullptr) [[unlikely]]
    return nowhere_entry();
  std::uint32_t flags = 0;
  if (t.waiting != nullptr) {
    record* joins = t.joining = t.waiting;
    t.waiting = nullptr;
    if (!add_child(*joins))
      publish_wait(joins, layout::pack_wait(layout::wait_kind::tasks, layout::detail_kind::none, layout::no_descriptor),
                   0, 0);
    t.joining_word = load(joins->word);
    flags = layout::awaited;
  } else if (t.joining != nullptr && t.joining == t.current &&
             (load(t.joining->word) == t.joining_word || add_child(*t.joining))) {
    flags = layout::awaited;
  } else if (t.current != nullptr && waits_for_tasks(*t.current)) {
    // It still spawns what it waits for: what it spawned before has begun to wait for tasks meanwhile.
    flags = layout::awaited;
  }
  record* const parent = t.current;
  r->previous.store(parent, relaxed);
  r->flags.store(flags | layout::pack_parent(address(parent)), std::memory_order_release);
  store(r->resumes, 0);
  const auto path = call_path(*slot->home.load(relaxed), TASKS_CALLED_FROM());
  const auto id = slot->id_next.load(relaxed);
  if (id >= slot->id_end.load(relaxed)) [[unlikely]]
    return begin_with_new_ids(r, slot, frame, path);
  return begin_with(id, r, slot, frame, path, parent);
}

void end_task(record* r) noexcept {
  if (r == &nowhere || load(r->id) == 0) return;
  thread_state& t = this_thread;
  thread_slot* slot = t.slot != nullptr ? t.slot : claim_slot();
  if (t.current == r) t.current = r->previous.load(relaxed);
  store(r->word, next_word(load(r->word), record_state::free, 0));
  if (slot == nullptr) return;  // no slot, no place for the record; it is lost, and so are no others
  if (const auto chain = load(r->overflow)) free_chain(*slot, *r, chain);
  if (const auto chain = load(r->annotations)) free_chain(*slot, *r, chain);
  give_record(*slot, r);
  store(slot->ended, load(slot->ended) + 1);
}

thread_slot* ensure_slot() noexcept { return this_thread.slot != nullptr ? this_thread.slot : claim_slot(); }

record* take_free_record() noexcept {
  thread_slot* slot = ensure_slot();
  return slot != nullptr ? take_record(*slot) : nullptr;
}

entry* push_slow(entry* top) noexcept {
  record* r = owner(top);
  if (load(r->id) == 0) return nullptr;
  if (layout::depth_of(load(r->word)) >= layout::max_depth - layout::overflow_entries) return nullptr;
  auto* block = reinterpret_cast<record*>(address(top) & ~(std::uint64_t{layout::record_size} - 1));
  layout::word_t& link = block == r ? r->overflow : reinterpret_cast<layout::overflow_record*>(block)->next;
  auto* next = reinterpret_cast<layout::overflow_record*>(load(link));
  if (next == nullptr) {
    record* fresh = take_free_record();
    if (fresh == nullptr) return nullptr;
    next = reinterpret_cast<layout::overflow_record*>(fresh);
    next->owner = r;
    store(next->owner_id, load(r->id));
    store(next->next, 0);
    store(next->word, next_word(load(next->word), record_state::overflow, 0));
    store(link, address(next));
  }
  return &next->stack[0];
}

}  // namespace tasks::detail

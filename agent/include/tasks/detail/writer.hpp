#pragma once

/// The writing side of the registry: what a hook calls while tasks run. Knows nothing of Asio.
///
///   begin_task ──> running ──> push … pop ──> block ──> publish_wait ──> resume ──> … ──> end_task
///   (ready)                                   (blocked, unknown)  (blocked)
///
/// Each function may be called only by the thread that runs (or makes, or destroys) the task. None throws, locks or
/// blocks; none allocates but begin_task and push_slow, which may map memory once in 256 calls. A frame of which
/// nothing is recorded (no memory, or its caller has no hook) has its entry in `nowhere`: writes to it are harmless
/// and nobody reads them, so that the hot paths need no test for it.

#include <atomic>
#include <bit>
#include <cstdint>
#include <source_location>

#include "tasks/detail/layout.hpp"

namespace tasks::detail {

using layout::entry;
using layout::record;
using layout::record_state;

/// What a thread knows of the tasks it runs.
struct thread_state {
  record* current;                      ///< the task that runs, innermost where resumptions nest; null: none
  record* waiting;                      ///< the task whose operation is being started and has not said yet what it is
  entry* pushed;                        ///< entry of the frame that was pushed last, until that frame runs
  layout::thread_slot* slot;            ///< null until the thread begins a task
  record* joining;                      ///< the task that waits for the tasks it is spawning …
  std::uint64_t joining_word;           ///< … as long as its word is this one
  std::uint32_t tid;                    ///< 0: not asked yet
  std::uint64_t stack_low, stack_high;  ///< what is known to be this thread's stack, see call_paths.cpp
  // Of composed operations, see composed_waits.cpp. They may be of a task that has ended: entries and records stay
  // mapped and are checked; the rest is compared, never followed.
  entry* reached;                ///< outermost entry of the task whose handler was asked for its allocator last
  entry* reached_member;         ///< the same, of the member of a group that was asked last; null: within two groups
  const void* reached_group;     ///< the group of that member, …
  std::uint32_t member;          ///< … its index there
  std::uint32_t members;         ///< of how many
  record* part_of;               ///< the task whose operation had a part ended, while that part's handler is called
  const record* timed;           ///< the task for whose next operation a time-out was started, …
  std::uint64_t timed_word;      ///< … as long as its word is this one, …
  std::uint64_t timeout;         ///< … and when it fires: nanoseconds on CLOCK_MONOTONIC; INT64_MAX: there is none
  std::uint64_t timeout_of_all;  ///< likewise, of a time-out that is started once for all parts of an operation
};

/// One a thread in all objects that the dynamic linker lets share it, because Asio's own templates, and with them
/// the hook's code, are shared between objects in the same way.
#pragma GCC visibility push(default)
extern constinit thread_local thread_state this_thread [[gnu::tls_model("initial-exec")]];
#pragma GCC visibility pop

#pragma GCC visibility push(hidden)

/// This thread's, for code that may be inlined into a coroutine. There clang keeps the address of a thread_local across
/// a suspension, after which another thread goes on (llvm/llvm-project#47179): tasks stayed `running` for ever.
#if defined(__clang__)
[[gnu::noinline]] inline thread_state& own_state() noexcept {
  thread_state* t = &this_thread;
  asm volatile("" : "+r"(t));  // else it is known to be a constant, and called once
  return *t;
}
#else
[[gnu::always_inline]] inline thread_state& own_state() noexcept { return this_thread; }
#endif

extern layout::root this_root asm("tasks_this_root");
extern constinit record nowhere;

/// The entry of frames that are not recorded: the last of `nowhere`, so that a push always takes the slow path.
inline entry* nowhere_entry() noexcept { return &nowhere.stack[layout::inline_entries - 1]; }

/// Begins a task with one frame. Returns that frame's entry; nowhere's when there is no memory.
[[nodiscard]] entry* begin_task(void* frame) noexcept;
/// A frame of the task ends by the current exception. Recorded if it is the task's own function.
void end_by_exception(const entry* of) noexcept;
/// Ends the task. Its record may be another's at once.
void end_task(record* r) noexcept;
/// The entry above the last one of its record: in an overflow record, which is made when there is none yet.
/// Null: no memory, the stack is deeper than the word can say, or `top` is nowhere's.
[[nodiscard]] entry* push_slow(entry* top) noexcept;

/// What an operation of a timer, when it is over, ends besides itself.
enum class ends_another : std::uint8_t {
  no,
  part,  ///< the operation that begins next
  all,   ///< an operation with parts, whichever of them pends, or another one of the same stream's
};

/// An operation as Asio begins it.
struct begun_operation {
  const void* at;
  std::size_t size;  ///< in bytes
  std::uint64_t wait;
  std::uint64_t object;
  std::uint64_t detail;
  // What its handler's type says:
  bool of_member;  ///< it is of a member of a group
  bool points_to;  ///< it points to an object that has the task's handler in it, to be asked through that pointer
  ends_another timeout;
  bool whole;  ///< it is a part of an operation with a time-out for all of its parts, if with any
};
/// An operation begins whose handler hides a task's behind another: a part of a composed operation, or a member of a
/// group.
void begin_part(const begun_operation& operation) noexcept;
/// The part of a composed operation that the task of thread_state::reached waited for is over, and its handler, which
/// was asked just now, about to be called. `last`: of a group's member, which is over with it.
void end_part(bool last) noexcept;
/// That handler has returned.
inline void leave_part() noexcept { own_state().part_of = nullptr; }
/// The thread is about to run its first task: its kernel thread id. It counts as a worker from now on.
std::uint32_t ask_thread_id() noexcept;
std::uint64_t coarse_clock() noexcept;
/// Where nobody advances the tick, or tasks are timed, which is noted: the task runs again; it is about to wait. The
/// time in milliseconds, as now().
std::uint64_t note_resumed(record* r) noexcept;
std::uint64_t note_waiting(record* r) noexcept;

inline std::uint64_t load(const layout::word_t& field) noexcept { return field.load(std::memory_order_relaxed); }
/// Release: a reader that sees this value sees every word stored before it (x86: an ordinary store).
inline void store(layout::word_t& field, std::uint64_t value) noexcept {
  field.store(value, std::memory_order_release);
}
inline std::uint64_t address(const volatile void* p) noexcept { return std::bit_cast<std::uint64_t>(p); }

/// Milliseconds on CLOCK_MONOTONIC, coarse: the agent's tick costs one relaxed load, where the clock costs 15 of them.
inline std::uint64_t now() noexcept {
  const auto tick = this_root.tick.load(std::memory_order_relaxed);
  if (tick == 0) [[unlikely]]
    return coarse_clock();
  return tick;
}

/// The task's record that an entry belongs to. Entries lie in records that are aligned to their size.
[[gnu::always_inline]] inline record* owner(const entry* e) noexcept {
  return reinterpret_cast<record*>(address(e) & ~(std::uint64_t{layout::record_size} - 1))->owner;
}

/// Leaves a frame's place in the source, before it awaits. The address is that of static data.
inline void set_location(entry* e, const std::source_location& where) noexcept {
  static_assert(sizeof(where) == sizeof(std::uint64_t));
  store(e->where, std::bit_cast<std::uint64_t>(where));
}

/// Enters `frame`, called from the frame at `top`. `resume` is its code address; the frame says with adopt()
/// that it has a hook. Where the callee cannot be recorded `top` becomes nowhere's, for the pop that follows.
[[gnu::always_inline]] inline void push(entry*& top, void* frame, std::uint64_t resume) noexcept {
  record* r = owner(top);
  entry* e = top + 1;
  if ((address(e) & (layout::record_size - 1)) == 0) [[unlikely]] {
    e = push_slow(top);
    if (e == nullptr) {
      own_state().pushed = top = nowhere_entry();
      return;
    }
  }
  store(e->frame, address(frame));
  store(e->where, ~resume);
  own_state().pushed = e;
  store(r->word, load(r->word) + (layout::one_version + layout::one_frame));
}

/// Called by a frame when it runs for the first time: its entry, if its caller had a hook, else nowhere's.
[[gnu::always_inline]] inline entry* adopt(const void* frame) noexcept {
  entry* e = own_state().pushed;
  own_state().pushed = nowhere_entry();
  return load(e->frame) == address(frame) ? e : nowhere_entry();
}

/// The task runs again. Fields first: they mean nothing until the word says `running`.
[[gnu::always_inline]] inline void resume_fields(record* r) noexcept {
  thread_state& t = own_state();
  t.waiting = nullptr;
  if (t.current != r) {
    r->previous.store(t.current, std::memory_order_relaxed);
    t.current = r;
  }
  std::uint32_t tid = t.tid;
  if (tid == 0) [[unlikely]]
    tid = ask_thread_id();
  r->thread.store(tid, std::memory_order_release);
  auto tick = this_root.tick.load(std::memory_order_relaxed);
  if (tick == 0) [[unlikely]]
    tick = note_resumed(r);
  store(r->running_since, tick);
  store(r->resumes, load(r->resumes) + 1);
}

/// Leaves the innermost frame, called by the frame at `top`, its caller. Where the callee was an operation that Asio
/// completes without resuming it, this is also where the task is first seen running.
[[gnu::always_inline]] inline void pop(entry* top) noexcept {
  record* r = owner(top);
  auto word = load(r->word);
  if (word & layout::not_running_bit) {
    resume_fields(r);
    word = (word & ~layout::state_mask) + layout::state_bits_of(record_state::running);
  }
  store(r->word, word + layout::one_version - layout::one_frame);
}

/// The frame that waits runs again itself.
[[gnu::always_inline]] inline void resume(entry* top) noexcept {
  record* r = owner(top);
  const auto word = load(r->word);
  if (word & layout::not_running_bit) {
    resume_fields(r);
    store(r->word, (word & ~layout::state_mask) + layout::one_version + layout::state_bits_of(record_state::running));
  }
}

/// The task is about to wait, for what it does not know yet. A task that has not entered its function stays `ready`.
[[gnu::always_inline]] inline void block(record* r) noexcept {
  const auto word = load(r->word);
  if (word & layout::not_running_bit) return;
  auto tick = this_root.tick.load(std::memory_order_relaxed);
  if (tick == 0) [[unlikely]]
    tick = note_waiting(r);
  store(r->since, tick);
  store(r->word, word + layout::one_version + layout::state_bits_of(record_state::blocked_unknown) -
                     layout::state_bits_of(record_state::running));
}

/// Says what the task waits for. Nothing of it may be written afterwards: the operation may complete on another thread.
[[gnu::always_inline]] inline void publish_wait(record* r, std::uint64_t wait, std::uint64_t object,
                                                std::uint64_t detail) noexcept {
  const auto word = load(r->word);
  if ((word & layout::state_mask) != layout::state_bits_of(record_state::blocked_unknown)) return;
  store(r->wait, wait);
  store(r->object, object);
  if (layout::detail_of(wait) != layout::detail_kind::none) store(r->detail, detail);
  store(r->word, word + layout::one_version + layout::state_bits_of(record_state::blocked) -
                     layout::state_bits_of(record_state::blocked_unknown));
}

/// While an operation of `r` is started: names the task to publish_wait's caller, and keeps it current, so that what
/// is spawned meanwhile is its child. Afterwards the task that was interrupted is current again.
class initiation_scope {
 public:
  explicit initiation_scope(record* r) noexcept
      : previous_(r->previous.load(std::memory_order_relaxed)), waiting_(own_state().waiting) {
    own_state().waiting = r;
  }
  ~initiation_scope() {
    own_state().waiting = waiting_;
    own_state().current = previous_;
  }
  initiation_scope(const initiation_scope&) = delete;
  initiation_scope& operator=(const initiation_scope&) = delete;

 private:
  record* previous_;
  record* waiting_;
};

#pragma GCC visibility pop

}  // namespace tasks::detail

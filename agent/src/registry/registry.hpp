#pragma once

/// The registry of this object, for the agent's own sources. Writers use tasks/detail/writer.hpp.

#include "tasks/detail/writer.hpp"

namespace tasks::detail {

/// This object's registry, mapped when it is not yet. Null: no memory. Any thread.
[[nodiscard]] layout::registry* ensure_registry() noexcept;

/// The calling thread's slot, claimed when it has none yet. Null: no memory.
[[nodiscard]] layout::thread_slot* ensure_slot() noexcept;

/// A record of the calling thread's, marked free; the caller stores its word. Null: no memory.
[[nodiscard]] record* take_free_record() noexcept;

/// Has the next task of this object that begins call this first, once, on its thread: what a forked child puts off
/// until it turns out to have tasks. Costs nothing until then. Async-signal-safe; no other thread may begin a task
/// meanwhile.
void call_at_next_spawn(void (*what)() noexcept) noexcept;

/// The word of a task that runs on the calling thread, or whose operation is being started there. What was read of its
/// record is the task's if the word is still this one afterwards. 0: `r` is another thread's, or no task any more: the
/// operation has ended meanwhile, and the task gone on.
inline std::uint64_t word_if_here(const record& r) noexcept {
  const auto word = r.word.load(std::memory_order_acquire);
  if (!layout::is_task(word) || layout::state_of(word) == record_state::ready) return 0;
  // The child of a fork has not asked for its number yet.
  const auto tid = this_thread.tid;
  return tid == 0 || r.thread.load(std::memory_order_acquire) == tid ? word : 0;
}

/// The word that follows `old`: next version, this state and depth.
constexpr std::uint64_t next_word(std::uint64_t old, record_state state, std::uint64_t depth) noexcept {
  return (old | (layout::one_version - 1)) + 1 + layout::state_bits_of(state) + depth;
}

}  // namespace tasks::detail

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

/// The word that follows `old`: next version, this state and depth.
constexpr std::uint64_t next_word(std::uint64_t old, record_state state, std::uint64_t depth) noexcept {
  return (old | (layout::one_version - 1)) + 1 + layout::state_bits_of(state) + depth;
}

}  // namespace tasks::detail

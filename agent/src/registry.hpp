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

/// The word that follows `old`: next version, this state and depth.
constexpr std::uint64_t next_word(std::uint64_t old, record_state state, std::uint64_t depth) noexcept {
  return (old | (layout::one_version - 1)) + 1 + layout::state_bits_of(state) + depth;
}

/// record::scope: {leak check : 24, id of the task : 40}. A task that began while there was no leak check is not
/// marked: its record may still have the mark of an earlier task, which the id tells.
inline constexpr unsigned scope_id_bits = 40;
constexpr std::uint64_t scope_tag(std::uint64_t scope, std::uint64_t id) noexcept {
  return scope << scope_id_bits | (id & ((std::uint64_t{1} << scope_id_bits) - 1));
}
/// The leak check that a task with this id belongs to; 0: none.
constexpr std::uint64_t tagged_scope(std::uint64_t tag, std::uint64_t id) noexcept {
  return scope_tag(0, tag ^ id) == 0 ? tag >> scope_id_bits : 0;
}

}  // namespace tasks::detail

#pragma once

/// The mark that tells which leak check a task belongs to, written when the task begins. See leak_check/leak_scope.hpp
/// for what the numbers mean.

#include <cstdint>

#include "tasks/detail/layout.hpp"

namespace tasks::detail {

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

/// Marks a task that begins on the calling thread, whose slot this is, before its word is stored. Called while there
/// are scopes.
void mark_spawn(layout::record& r, std::uint64_t id, const layout::thread_slot& slot) noexcept;

/// The id of the task that runs on this thread; 0: none.
[[nodiscard]] std::uint64_t current_task() noexcept;

}  // namespace tasks::detail

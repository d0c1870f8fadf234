#pragma once

/// Copies of live tasks, taken while they run.
///
///   word ──> copy ──> word again: the same? then the copy is whole, else read again
///
/// Follows no pointer that slab_map does not know; takes no lock; allocates only for the deepest stack yet.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "slab_map.hpp"
#include "tasks/layout.hpp"

namespace tasks::detail {

/// Numbers are those of tasks.v1.Task.State.
enum class task_state : std::uint8_t { ready = 1, running = 2, blocked = 3 };

/// What a record said of its task at one moment.
struct task_copy {
  std::uint64_t word;
  std::uint64_t id;
  std::uint64_t parent;
  std::uint64_t resumes;
  std::uint64_t since;   ///< tick at which it began to wait or to run; meaningless for `ready`
  std::uint64_t wait;    ///< 0 unless blocked and known
  std::uint64_t object;  ///< likewise
  std::uint64_t detail;  ///< likewise
  std::uint64_t spawn_pc;
  std::uint64_t spawn_caller;
  std::uint64_t spawn_where;
  std::uint64_t annotations;
  std::uint32_t thread;  ///< 0 unless running
  std::uint32_t flags;
  std::size_t depth;                 ///< frames copied
  bool truncated;                    ///< the stack is deeper than what was copied
  std::vector<std::uint64_t> where;  ///< the first `depth`: entry::where, outermost first

  [[nodiscard]] std::uint64_t version() const noexcept { return word / layout::one_version; }
};

/// Frames that are copied of one stack at most.
inline constexpr std::size_t deepest_stack = 65536;

[[nodiscard]] task_state state_of(std::uint64_t word) noexcept;
/// none unless blocked; other where it is not known.
[[nodiscard]] layout::wait_kind kind_of(const task_copy& task) noexcept;
/// Milliseconds that it has been in its state; 0 for `ready`.
[[nodiscard]] std::uint64_t age_of(const task_copy& task, std::uint64_t now) noexcept;
/// CLOCK_MONOTONIC in milliseconds.
[[nodiscard]] std::uint64_t monotonic_ms() noexcept;

enum class copied { whole, not_a_task, torn };
/// Tries often enough for any task that is not switched faster than it can be read, then says torn.
[[nodiscard]] copied copy_task(const layout::record& from, slab_map& slabs, task_copy& to);

/// A name (key empty) or a label, zero-terminated.
struct annotation_copy {
  std::array<char, layout::text_size> key;
  std::array<char, layout::text_size> value;
};
/// Those of a task that still exists, newest first, into `to`; what changes meanwhile is left out.
void copy_annotations(const task_copy& task, slab_map& slabs, std::vector<annotation_copy>& to);

}  // namespace tasks::detail

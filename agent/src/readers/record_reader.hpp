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

#include "failure_copy.hpp"
#include "readers/slab_map.hpp"
#include "task_copy.hpp"
#include "tasks/detail/layout.hpp"

namespace tasks::detail {

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

/// The tasks of a registry that ended by an exception last. Throws std::bad_alloc.
void copy_failures(const layout::registry& from, std::vector<failure_copy>& to);

}  // namespace tasks::detail

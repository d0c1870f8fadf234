#pragma once

/// Was a thread in that task when its stack was copied? The task was read a moment later, when the thread had gone on:
/// the run may have been over by then, another task begun, in memory that the one before had.
///
///   copy of the stack:   hook's state {current} ──> record ──┐
///                        innermost body of a coroutine ──────┼──> the task, as it was read later
///                        address of a frame ─────────────────┘
///
/// It was, and in the awaits that were read, where all of this holds:
///   - the task had begun before, so that its record was its own then, and so was its outermost frame;
///   - its record says what it did before, so that no await has begun or ended since;
///   - its record was the current one of the thread or, where the copy does not reach the hook's state, the copy has
///     the address of the task's outermost frame, outside of what the innermost body has called, and no other body;
///   - the body of a coroutine that ran, the innermost one of the stack, is that of the task's innermost frame, whose
///     address is in a register, or on the stack of this body and of what it has called.

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "linux/thread_copy.hpp"
#include "symbols/modules.hpp"
#include "target/registry_reader.hpp"

namespace tasks::cli {

/// A task as it was read after the copy was made.
struct later_task {
  target_task task;
  bool starts = false;        ///< an operation, when it was read
  bool was_current = false;   ///< its record was its thread's current one, as the copy has it
  bool had_begun = false;     ///< before the copy was made
  bool is_unchanged = false;  ///< the word of its record is what it was before the copy was made
  std::uint64_t body = 0;     ///< the code that resumes its innermost frame; 0: not known
};

class task_evidence {
 public:
  /// `code` must outlive it.
  explicit task_evidence(modules& code) : code_(code) {}

  /// `addresses`, `ends`: as stack_walker has them of the copy.
  [[nodiscard]] bool shows(const later_task& later, const thread_copy& copy,
                           const std::vector<std::uint64_t>& addresses, const std::vector<std::uint64_t>& ends);

  /// Is one of these in the body of a coroutine?
  [[nodiscard]] bool is_in_body(std::span<const std::uint64_t> addresses);

 private:
  /// The begin of the coroutine's body that an address lies in; 0: it lies in none.
  [[nodiscard]] std::uint64_t body_at(std::uint64_t address);

  modules& code_;
  std::unordered_map<std::uint64_t, std::uint64_t> bodies_;
};

}  // namespace tasks::cli

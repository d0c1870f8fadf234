#pragma once

/// The task that a thread runs, without a look at all others.
///
///   thread pointer ──> the hook's thread_state, not far from it: {current, …, slot, …, tid} ──> record
///
/// Where that is has to be found out once: the hook keeps it at the same distance in every thread, and its slot and
/// number are those of the registry's. What lies elsewhere, as in a library that was loaded later, is not found.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "linux/memory.hpp"
#include "linux/registers.hpp"
#include "linux/thread_copy.hpp"
#include "target/registry_reader.hpp"
#include "target/roots.hpp"

namespace tasks::cli {

/// What a thread has to do with a task.
struct current_task {
  const target_task* task = nullptr;  ///< null: it runs none; until the next question
  bool starts = false;                ///< it does not run the task, but the initiation of its operation
};

/// Likewise, of one that has gone on since its stack was copied.
struct recent_task {
  const target_task* task =
      nullptr;               ///< as it is now; null: it runs none, or another thread does; until the next question
  bool starts = false;       ///< as it is now
  bool was_current = false;  ///< the copy of the stack says so. False: it is the thread's current task now
};

/// A thread's current record, and the word of that, which changes with whatever the task does.
struct task_mark {
  std::uint64_t record = 0, word = 0;  ///< 0: it has none
  bool operator==(const task_mark&) const = default;
};

class current_tasks {
 public:
  /// Both must outlive it.
  current_tasks(const memory& bytes, const std::vector<root_copy>& roots);

  /// Of a thread that is stopped, `inner_tid` as the target calls it.
  [[nodiscard]] current_task of(const thread_registers& thread, std::uint32_t inner_tid);
  /// Of a thread that is not. Of all but the first one the hook's state may be in the copy: it lies behind the stack.
  [[nodiscard]] recent_task of(const thread_copy& then, std::uint64_t thread_pointer, std::uint32_t inner_tid);
  /// As they are now, of each thread.
  [[nodiscard]] const std::vector<task_mark>& marks_of(std::span<const std::uint64_t> thread_pointers);
  /// Was it found out where the hook keeps it?
  [[nodiscard]] bool knows_place() const noexcept { return !offsets_.empty(); }

 private:
  [[nodiscard]] current_task read(std::uint64_t record, std::uint32_t inner_tid);
  void find_places(std::uint64_t thread_pointer, std::uint32_t inner_tid);
  [[nodiscard]] bool is_slot_of(std::uint64_t address, std::uint32_t inner_tid) const;

  const memory& bytes_;
  registry_reader reader_;
  std::vector<std::uint64_t> registries_;
  std::vector<std::uint64_t> offsets_;  ///< of states of the hook from the thread pointer; modulo 2^64, if below it
  std::vector<unsigned char> storage_;
  std::vector<task_mark> marks_;
  std::vector<std::uint64_t> addresses_, words_;
};

}  // namespace tasks::cli

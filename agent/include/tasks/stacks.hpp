#pragma once

/// This process's tasks, from inside: what runtime.NumGoroutine and pprof.Lookup("goroutine").WriteTo are in Go.

#include <cstdint>
#include <iosfwd>

namespace tasks {

/// Tasks that exist in this process; exact when none begins or ends meanwhile. Any thread.
[[nodiscard]] std::uint64_t count() noexcept;

enum class stacks_format {
  grouped,  ///< as Go's debug=1: tasks with equal stacks together, the largest group first
  each,     ///< as Go's debug=2: every task, the oldest first (beyond 65,536 tasks in no order)
};

/// Writes the stacks of all tasks, innermost frame first, and at the end what could not be copied, if anything.
/// Does not stop any task. Throws what the stream throws, and std::bad_alloc. Any thread.
///
///   task 7 "conn 42" user=ann [channel receive, 3m12s]:
///   inner(chan&)
///   	/src/lab/pool.cpp:10
///   spawned by task 1 in start(std::shared_ptr<chan>)
///   	after /src/lab/pool.cpp:31
void write_stacks(std::ostream& out, stacks_format format);

}  // namespace tasks

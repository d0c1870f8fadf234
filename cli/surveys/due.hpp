#pragma once

/// Tasks whose waits are over and which nobody resumes: an expired timer, bytes that have come, a handler that was
/// posted. And who is in the way, from Asio's own schedulers and the threads that run them.
///
///   tasks that wait ──> their scheduler ──> nobody runs it          ──┐
///                                      ──> its workers run others  ──┼──> a look later still so? ──> due
///                       their strand   ──> another task holds it   ──┘
///
/// A server that is busy is not broken: only what has been over for a second, or has not moved between two looks, is
/// listed. Nothing is stopped unless some task looks so; then all threads are, for as long as it takes to read who runs
/// what, twice.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "target/target.hpp"

namespace tasks::cli {

struct due_task {
  std::uint64_t id = 0, resumes = 0;
  std::uint64_t for_ms = 0;  ///< since its timer expired; 0: since when is not known
  std::string over;          ///< "its timer has expired", "5 B have come"
  std::string reason;        ///< "no thread runs its io_context (stopped)"
  std::uint64_t behind = 0;  ///< the task that keeps its worker or its strand; 0: none
};

/// `may_stop`: without it no thread is, and only what has certainly been over for long is found, without a reason.
/// By id. Empty where its memory cannot be read, and of a process that is stopped by a signal or a debugger.
[[nodiscard]] std::vector<due_task> find_due(target& from, bool may_stop = true);

/// "due 5s: no thread runs its io_context (stopped)".
[[nodiscard]] std::string words_of(const due_task& due);
/// Null: it is not due.
[[nodiscard]] const due_task* find(const std::vector<due_task>& due, std::uint64_t task);
/// A sentence for each reason: "due: 4 tasks, the longest for 5s: no thread runs their io_context: tasks 2, 3, …".
[[nodiscard]] std::vector<std::string> findings_of(const std::vector<due_task>& due);

}  // namespace tasks::cli

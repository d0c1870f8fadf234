#pragma once

/// Tasks whose waits are over and which nobody resumes: an expired timer, bytes that have come, a handler that was
/// posted; tasks that were spawned and have never run; and bytes of which nobody was told. And who is in the way, from
/// Asio's own schedulers and the threads that run them.
///
///   tasks that wait ──> their scheduler ──> nobody runs it          ──┐
///                                      ──> its workers run others  ──┼──> a look later still so? ──> due
///                       their strand   ──> another task holds it   ──┘
///
/// A server that is busy is not broken: only what has been over for a second is listed, and that a second look has
/// found as the first did. Nothing is stopped.

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/error.hpp"
#include "target/target.hpp"

namespace tasks::cli {

struct due_task {
  std::uint64_t id = 0, resumes = 0;
  std::uint64_t for_ms = 0;  ///< since it could have gone on; 0: since when is not known
  std::string over;          ///< "its timer has expired", "5 B have come"
  std::string reason;        ///< "no thread runs its io_context (stopped)"
  std::uint64_t behind = 0;  ///< the task that keeps its worker or its strand; 0: none
  std::uint64_t queued = 0;  ///< the operation that would resume it; 0: it is in no queue that is known of
  /// For it in the kernel: bytes, or connections if it accepts; 0: none, or not known.
  std::uint64_t available = 0;
  /// With `available`: who is in the way, in our pid namespace; 0: several, nobody, or not known.
  std::uint32_t worker = 0;
  /// A missed wake: that thread waits for events, and was told of none in two looks, so far apart; 0: it is none.
  std::uint64_t missed_for_ms = 0;
};

struct due_survey {
  std::vector<due_task> due;  ///< by id
  /// Threads that have run tasks and left run(), as the target calls them. Only looked for where tasks are due.
  std::unordered_set<std::uint32_t> left;
  /// Tasks wait, and no thread runs any of the io_contexts that would resume them. Certain only if true.
  bool nobody_runs = false;
};

/// Takes a second look 0.2 to 1.1 seconds later where a first one finds anything, or where `no_workers` makes it
/// likely. Empty where its memory cannot be read, and of a process that is stopped by a signal or a debugger. `asked`:
/// a task of which it is found out, too, whether its worker has missed what has come: for that its descriptor is
/// borrowed, so nobody looks for it unasked.
[[nodiscard]] due_survey survey_due(target& from, bool no_workers = false, std::uint64_t asked = 0);
/// A live process is stopped by a signal or a debugger, or is gone: what it does not do says nothing.
[[nodiscard]] bool is_stopped(const target& from);
/// Only its tasks.
[[nodiscard]] std::vector<due_task> find_due(target& from);

/// "5 B are there to be read: its worker, thread 7, is busy with task 3". Precondition: `available`, which counts
/// connections where it `accepts`.
[[nodiscard]] std::string words_of_available(const due_task& due, bool accepts);
/// "due 5s: no thread runs its io_context (stopped)".
[[nodiscard]] std::string words_of(const due_task& due);
/// Null: it is not due.
[[nodiscard]] const due_task* find(const std::vector<due_task>& due, std::uint64_t task);
/// A sentence for each reason: "due: 4 tasks, the longest for 5s: no thread runs their io_context: tasks 2, 3, …".
[[nodiscard]] std::vector<std::string> findings_of(const std::vector<due_task>& due);

}  // namespace tasks::cli

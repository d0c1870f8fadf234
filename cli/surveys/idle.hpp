#pragma once

/// io_contexts whose run() goes on though nothing pends: work guards keep it, or tasks that wait on channels do. From
/// Asio's own schedulers and queues, and the threads that run them.
///
///   threads ──> schedulers that they run ──> each of them asleep?      ──┐
///                                        ──> nothing in any queue?     ──┼──> 0.2 s later still so? ──> idle
///   tasks   ──> none that waits for anything but channels, or for tasks ──┘
///
/// Only of processes in which nothing pends at all: else a handler of one context may give work to another, as it
/// should. A thread_pool goes on by design, and is not listed. Nothing is stopped.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "target/target.hpp"

namespace tasks::cli {

struct idle_context {
  std::uint64_t address = 0;         ///< of the io_context
  std::vector<std::uint64_t> tasks;  ///< that wait on its channels, sorted
  /// What counts as its work: guards, and executors that are kept as such. 0: not known, since tasks count, too.
  std::uint64_t guards = 0;
  std::size_t threads = 0;  ///< in its run()

  bool operator==(const idle_context&) const = default;
};

struct idle_survey {
  std::vector<idle_context> contexts;  ///< by address
  /// Threads in no run(), or in one for a time, that do not wait for another's end: one may give work to a context, or
  /// end a guard; and one more where the program handles signals.
  std::size_t others = 0;

  bool operator==(const idle_survey&) const = default;
  /// Nothing will happen any more, as far as Asio and other threads go.
  [[nodiscard]] bool is_over() const noexcept { return !contexts.empty() && others == 0; }
};

/// Takes a second look 0.2 seconds later where a first one finds anything. Empty of a process that is stopped by a
/// signal or a debugger, where its memory cannot be read, or where Asio is in a library.
[[nodiscard]] idle_survey find_idle(target& from);

/// "io_context 0x7ffe…: 0 operations, 1 work guard (or executor that is kept), 2 threads in run()".
[[nodiscard]] std::string words_of(const idle_context& idle);
/// A sentence for each: "idle: io_context 0x…: …: no thread is left that could give it work; …".
[[nodiscard]] std::vector<std::string> findings_of(const idle_survey& idle);
/// The one that has the channel that a task waits on; null: none.
[[nodiscard]] const idle_context* find(const idle_survey& idle, std::uint64_t task);

}  // namespace tasks::cli

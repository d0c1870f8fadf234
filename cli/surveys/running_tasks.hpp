#pragma once

/// Which task each thread runs at one moment, although no two things of a running target are read at once:
///
///   read_running() ──> copy threads, or look at them otherwise ──> read_running() ──> those that ran all the while

#include <cstdint>
#include <optional>
#include <vector>

#include "base/error.hpp"
#include "sources/snapshot_source.hpp"
#include "target/target.hpp"

namespace tasks::cli {

struct running_task {
  std::uint64_t id = 0;
  std::uint32_t thread = 0;  ///< as the target's pid namespace calls it
  std::uint64_t age_ms = 0;  ///< since it last awaited, too high by the resolution at most
  std::uint64_t resumes = 0;
  bool age_unknown = false;  ///< resumes is 0 then, and the age for how long looks have shown it to run
  v1::Task texts = {};       ///< its name and labels, if it has any, and nothing else
};

[[nodiscard]] running_task as_running(const v1::Task& task);

struct running_tasks {
  std::vector<running_task> tasks;  ///< oldest first; several on one thread where resumptions nest
  std::uint32_t resolution_ms = 0;

  /// Unless it does not run.
  void add(const v1::Task& task);
};

/// What read_running() asks.
[[nodiscard]] v1::StacksRequest ask_who_runs(std::uint64_t age_ms);
/// May a query tell of running tasks?
[[nodiscard]] bool may_select_running(const v1::StacksRequest& query);
/// Leaves those that are known to have run for so long.
void keep_older(running_tasks& running, std::uint64_t age_ms);
/// Tasks that run, and have for at least `age_ms` as far as the target's clock can tell.
result<running_tasks> read_running(snapshot_source& source, std::uint64_t age_ms = 0);
/// Leaves those that ran all the time between two readings.
void keep_unchanged(running_tasks& first, const running_tasks& second);

/// The task of whose operation a thread that is in one runs the initiation: of those that last ran on it, wait for an
/// operation that is not known, and did not begin to wait at the same tick as another, the last one. Nothing: not
/// known.
[[nodiscard]] std::optional<running_task> read_starting(const target& from, std::uint32_t thread);

/// The task that this thread runs, the innermost where resumptions nest; null: none.
[[nodiscard]] const running_task* running_on(const running_tasks& running, std::uint32_t thread);

}  // namespace tasks::cli

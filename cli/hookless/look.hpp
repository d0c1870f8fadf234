#pragma once

/// One look at the tasks of a program without a hook: a registry of what is found in a picture is put into it.

#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "base/error.hpp"
#include "coroutines/program.hpp"
#include "hookless/frame_scan.hpp"
#include "hookless/sightings.hpp"
#include "hookless/wait_search.hpp"
#include "linux/thread_list.hpp"
#include "picture/picture.hpp"
#include "symbols/symbolizer.hpp"

namespace tasks::cli {

/// What the picture does not tell of its process.
struct process_view {
  pid_t inner_pid = 0;  ///< as it calls itself
  std::uint64_t start_time = 0;
  std::vector<os_thread> threads;
  wait_search::is_socket asks;
  std::uint64_t now_ms = 0;   ///< CLOCK_MONOTONIC
  sightings* seen = nullptr;  ///< null: there is no look before or after this one
  /// Of the process, which ran while it was copied: tasks that are there once more as they were are told. Null: it is
  /// one moment.
  const memory* once_more = nullptr;
  /// Set by a look: so many tasks are not told, as they changed meanwhile.
  std::uint64_t left_out = 0;
  /// Is it known what time it was? Else nothing is said of when timers expire.
  bool knows_time = true;
  /// Set by a look: some line was found, or none was looked for.
  bool knows_lines = true;
};

/// Stacks of a picture's threads, and what is unused of them.
[[nodiscard]] stack_memory stacks_in(const picture& of);

/// `names`: of the program's code. Fails where there is no room for a registry among the picture's addresses.
[[nodiscard]] result<void> put_registry(picture& into, coroutine_program& program, symbolizer& names, process_view& of);

}  // namespace tasks::cli

#pragma once

/// How a process was ended that a core is of, and what it was doing.

#include <optional>
#include <string>

#include "sources/snapshot_source.hpp"
#include "surveys/running_tasks.hpp"
#include "target/native_stack.hpp"
#include "target/target.hpp"

namespace tasks::cli {

struct surveyed_death {
  death how;
  std::optional<running_task> task;   ///< that its thread ran, …
  bool starts = false;                ///< … or rather, of whose operation it ran the initiation
  std::optional<native_frame> frame;  ///< the user's innermost function
};

/// Nothing: the target lives, or its core does not tell.
[[nodiscard]] std::optional<surveyed_death> survey_death(snapshot_source& source);

/// Is this thread in a task, as its stack tells?
[[nodiscard]] bool is_in_task(const native_stack& stack);

/// "ended by SIGSEGV at address 0x10, in thread 4711, which ran task 3: sum(node*)  pool.cpp:7"
[[nodiscard]] std::string in_words(const surveyed_death& death);

}  // namespace tasks::cli

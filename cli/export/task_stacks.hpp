#pragma once

/// The tasks of a source as other tools draw or read them, in any form of formats.hpp.

#include <fmt/format.h>

#include <functional>

#include "export/formats.hpp"
#include "sources/snapshot_source.hpp"
#include "tasks/v1/agent.pb.h"

namespace tasks::cli {

struct task_stacks_options {
  bool all_frames = false;  ///< those of Asio and of the standard library too
  /// Running tasks have their native frames on top, for which their threads are stopped for a moment each.
  bool native = true;
};

/// Tasks that pass `query`. `title.values` of other forms than pprof and speedscope is not looked at. `flush`: is
/// called whenever a task is written, of a form that is written as tasks come (goroutines); false: no more is wanted.
/// Null: all is kept.
[[nodiscard]] result<void> write_task_stacks(fmt::memory_buffer& out, profile_format format, snapshot_source& source,
                                             const v1::StacksRequest& query, const task_stacks_options& options,
                                             const profile_title& title, const std::function<bool()>& flush = nullptr);

/// Of a source as it is now, or as it was recorded.
[[nodiscard]] profile_title title_of(const snapshot_source& source);

}  // namespace tasks::cli

#pragma once

/// The tasks of the test's own process, as a reader sees them: the agent's own reader, with the source locations
/// resolved in place.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/detail/layout.hpp"

namespace tasks::testing {

struct seen_frame {
  std::string function;  ///< as the compiler spells it; empty before the frame's first await
  std::string file;
  std::uint32_t line = 0;
  bool code = false;  ///< only its resume address is known
};

struct seen_task {
  std::uint64_t id, parent, resumes, version, object, detail;
  layout::record_state state;
  layout::wait_kind kind;
  layout::detail_kind detail_kind;
  std::uint32_t fd, thread;
  bool awaited;
  std::uint32_t members, ended_members, task_members;  ///< of the group it awaits
  std::vector<layout::wait_kind> pending;              ///< of its members, `kind` first
  std::vector<seen_frame> frames;                      ///< innermost first
  std::map<std::string, std::string> labels;           ///< the name under ""
  seen_frame spawned_in;                               ///< the innermost frame of the spawning task when it spawned

  /// Has it a frame whose function's spelling contains this?
  [[nodiscard]] bool runs(std::string_view function) const;
};

/// Every live task, oldest first; without those that were switched faster than they could be copied.
[[nodiscard]] std::vector<seen_task> look();
/// Those that run() such a function.
[[nodiscard]] std::vector<seen_task> look_for(std::string_view function);
/// The only one; fails the test, and gives an empty one, where there is none or there are more.
[[nodiscard]] seen_task look_for_one(std::string_view function);

}  // namespace tasks::testing

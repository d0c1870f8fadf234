#pragma once

/// What `tasks top` looks at: processes, or a recording of some.

#include <memory>

#include "commands/open_target.hpp"
#include "top/feed.hpp"

namespace tasks::cli {

/// Live ones; as the options say that they are read.
[[nodiscard]] std::unique_ptr<feed> feed_of_processes(const target_options& of);
struct recorded_processes {
  std::unique_ptr<feed> from;
  bool has_list = false;  ///< of several processes; else it is one of them
};

/// Fails where there is no such recording, process or snapshot in it. Precondition: `of.from`.
[[nodiscard]] result<recorded_processes> feed_of_recording(const target_options& of);

}  // namespace tasks::cli

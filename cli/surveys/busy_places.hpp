#pragma once

/// Busy tasks, and where they were when they were looked up: "task 78, poll_queue() lab.cpp:12".

#include <memory>
#include <string>
#include <vector>

#include "sources/snapshot_source.hpp"
#include "surveys/busy.hpp"
#include "surveys/resolver.hpp"

namespace tasks::cli {

struct busy_place {
  busy_task task;
  resolved meaning;  ///< without frames: it has ended since
};

struct busy_survey {
  std::vector<busy_place> tasks;    ///< the busiest first
  std::unique_ptr<resolver> names;  ///< what their frames belong to
};

/// Whose place cannot be read has none.
[[nodiscard]] busy_survey name_busy(const std::vector<busy_task>& busy, snapshot_source& source);

/// "poll_queue() lab.cpp:12"; empty: not known.
[[nodiscard]] std::string place_of(const busy_place& busy);
/// "busy: task 78, 1.3 M resumptions/s, poll_queue() lab.cpp:12", a sentence each; of many the busiest.
[[nodiscard]] std::vector<std::string> findings_of(const std::vector<busy_place>& busy);

}  // namespace tasks::cli

#pragma once

/// Tasks by the value of one of their labels: all that is done for one request, or one user.
///
///   task {request=7c1f} [blocked: tasks] ──awaits──> task {request=7c1f} [socket read, 12s]
///      └────────────────────────────────┴──> 7c1f: 2 tasks, oldest 12s, socket read, query(db&) db.cpp:41

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sources/snapshot_source.hpp"
#include "surveys/resolver.hpp"

namespace tasks::cli {

struct surveyed_request {
  std::string value;
  std::uint64_t tasks = 0, running = 0, ready = 0;
  std::optional<std::uint64_t> oldest_ms;  ///< for how long one has been in its state, at most; nothing: not known
  std::optional<std::uint64_t> seen_ms;    ///< where that is not known, for how long looks have shown one in it
  /// Of those that do not wait for other tasks, if there are any, the one that has been in its state for longest.
  v1::Task task;
  resolved meaning;
};

struct request_survey {
  std::string key;                         ///< of the label; empty: none was asked for, and no task has a label
  std::vector<surveyed_request> requests;  ///< the oldest first
  std::uint64_t left_out = 0;              ///< values beyond the limit
  std::uint64_t labelled = 0;              ///< tasks that have the label
  std::map<std::string, std::uint64_t> other_keys;  ///< where none has: how many have which others
  v1::Trailer trailer;
};

/// What `tasks requests` groups by unless it is told: this, or where no task has it the label that most tasks have.
inline constexpr auto usual_request_label = "request";

/// Of what `source` tells. `key`: nothing: the usual one. `limit`: values; 0: all. `names` resolves the survey's frames
/// and must outlive them.
[[nodiscard]] result<request_survey> survey_requests(snapshot_source& source, resolver& names,
                                                     const std::optional<std::string>& key, std::uint64_t limit);

}  // namespace tasks::cli

#pragma once

/// What a live view tells of a process at one look: its counts, and its tasks by what they read as.
///
///   source ──vitals, groups (every task, where they are few)──> glance; the look before ──> how often they were
///   resumed

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "sources/snapshot_source.hpp"
#include "surveys/group_keys.hpp"
#include "surveys/resolver.hpp"

namespace tasks::cli {

/// Tasks of one stack that wait for the same kind of thing.
struct glance_group {
  group_key key;                           ///< the same in every look of one `glances`
  std::string what;                        ///< "channel receive", "running"
  std::string function;                    ///< the outermost of the stack; empty: not known
  std::string place;                       ///< "lab.cpp:86"; empty: not known
  std::string inner_function, inner_file;  ///< likewise the innermost that is shown, where they wait; no base name
  unsigned inner_line = 0;
  v1::Task::State state = v1::Task::STATE_UNSPECIFIED;
  v1::Wait::Kind kind = v1::Wait::KIND_UNSPECIFIED;  ///< unless it waits
  std::uint64_t count = 0, oldest_ms = 0;
  bool age_unknown = false;
  /// How often its tasks were resumed since the look before. Nothing: there was none, or that would cost too much.
  std::optional<std::uint64_t> resumed;
  /// Of one CPU: how much its tasks have run since the look before. Nothing: likewise, or runs are not timed.
  std::optional<double> busy;
  std::uint64_t longest_ns = 0;  ///< the longest run of one, since they are timed
};

struct glance {
  v1::Vitals vitals;
  std::vector<glance_group> groups;
  std::uint32_t resolution_ms = 0;  ///< how old an age may be
  bool is_timed = false;            ///< runs are
};

struct glance_task {
  std::uint64_t id = 0, parent = 0, age_ms = 0, resumes = 0;
  bool age_unknown = false;
  v1::Timing timing;  ///< since its runs are timed
  std::string what;   ///< "socket read, fd 9 127.0.0.1:41822"
  std::string name;   ///< with its labels behind it, as the target has them
};

/// The tasks of one group, oldest first.
struct glance_tasks {
  std::vector<glance_task> tasks;
  bool is_all = true;  ///< false: there are more than are told
  std::uint32_t resolution_ms = 0;
  bool is_timed = false;
};

/// Looks at one process after each other: groups that read alike have one key in all of them.
class glances {
 public:
  /// Each task is read, for how often it was resumed, up to so many; beyond, groups as the source makes them.
  static constexpr std::uint64_t most_tasks_read = 20'000;
  /// Of a group so many tasks are told.
  static constexpr std::size_t most_tasks_told = 1'000;

  /// Fails where the source does. `timed`: its runs are timed.
  result<glance> look(snapshot_source& source, bool timed = false);
  result<glance_tasks> look_into(snapshot_source& source, const glance_group& group, bool timed = false);

 private:
  [[nodiscard]] std::unique_ptr<resolver> names_of(const snapshot_source& source);

  std::unique_ptr<resolver> readings_;                        ///< what its keys' numbers stand for
  std::unordered_map<std::uint64_t, std::uint64_t> resumes_;  ///< of the look before, by task
  bool has_resumes_ = false;                                  ///< of which every task was read
  std::unordered_map<std::uint64_t, std::uint64_t> busy_;     ///< nanoseconds, likewise
  std::uint64_t timed_for_ns_ = 0;                            ///< when it was made; 0: runs were not timed
};

}  // namespace tasks::cli

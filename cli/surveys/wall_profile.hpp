#pragma once

/// What all tasks wait for, or do, over some time: looked at again and again.
///
///   look ──tasks──> visitor      look ──tasks──> visitor      …      each until the next one

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "base/error.hpp"
#include "sources/snapshot_source.hpp"
#include "surveys/resolver.hpp"

namespace tasks::cli {

struct wall_options {
  std::chrono::nanoseconds period;
  std::chrono::nanoseconds length;
  bool all_frames = false;
  bool timed = false;  ///< runs are timed meanwhile, where that can be
};

struct wall_summary {
  std::chrono::nanoseconds length{0};
  std::uint64_t looks = 0;
  std::uint64_t missed_looks = 0;  ///< the profiler came too late for them
  std::uint64_t tasks = 0;         ///< seen in all looks together
  std::string not_timed;           ///< why runs were not, though they should have been
  std::string ended;               ///< why it ended early; empty: it did not
};

/// Gets what is seen. Times since the first look.
class wall_visitor {
 public:
  virtual ~wall_visitor() = default;
  /// The look before holds until then; `at_ns` on CLOCK_MONOTONIC, by which ages are told.
  virtual void begin_look(std::chrono::nanoseconds at, std::uint64_t at_ns) = 0;
  virtual void see(const v1::Task& task, const resolved& meaning) = 0;
  /// The last look holds until then.
  virtual void end(std::chrono::nanoseconds at) = 0;
};

/// Waits; true: somebody wants it to end.
using end_waiter = std::function<bool(std::chrono::steady_clock::time_point until)>;

/// Fails where the first look does. Looks take half of the time at most: of very many tasks there are fewer.
[[nodiscard]] result<wall_summary> profile_wall(snapshot_source& source, const wall_options& options,
                                                const end_waiter& wait, wall_visitor& visitor);

}  // namespace tasks::cli

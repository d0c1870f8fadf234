#pragma once

/// Processes as whoever watches the page sees them, second after second; and their totals over the last hour.

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "serve/host_metrics.hpp"
#include "tasks/v1/view.pb.h"

namespace tasks::cli {

/// Of each process `most_groups` groups are told, the largest ones.
inline constexpr std::size_t most_groups = 500;

[[nodiscard]] v1::LiveView live_view_of(const process_metrics& of, std::int64_t at_ms);

/// Totals, a point every ten seconds for an hour: 360 of 64 bytes a process, of at most 1,000 processes.
class history {
 public:
  static constexpr std::chrono::seconds interval{10};
  static constexpr std::size_t most_points = 360, most_processes = 1'000;

  void add(const host_metrics& seen, std::int64_t at_ms);
  /// For one thread, while others add.
  [[nodiscard]] v1::HistoryView view() const;

 private:
  struct point {
    std::int64_t at_ms;
    std::uint64_t tasks, running, blocked, ready, rss_bytes, cpu_ms, ended, failed;
    std::uint32_t os_threads;
  };
  struct series {
    std::string name;
    bool ended = false;
    std::deque<point> points;
  };

  mutable std::mutex mutex_;
  std::map<std::pair<pid_t, std::uint64_t>, series> processes_;  ///< by pid and start
};

}  // namespace tasks::cli

#pragma once

/// What the process uses: threads, processors, memory, time. Read from /proc and the cgroup file system.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tasks/layout.hpp"

namespace tasks::detail {

struct process_vitals {
  std::uint32_t os_threads = 0;
  std::uint32_t workers = 0;  ///< threads that have run a task and still exist
  std::uint32_t cpus = 0;     ///< the lesser of the affinity mask and the quota rounded up; at least 1
  std::uint32_t cpus_in_affinity_mask = 0;
  std::uint32_t cpu_quota_millis = 0;  ///< thousandths of a CPU; 0: no quota
  std::uint64_t rss_bytes = 0;
  std::uint64_t cpu_time_ms = 0;
  std::uint64_t uptime_ms = 0;
};

/// The CPU bandwidth limit of the cgroups that this process is in.
class cpu_quota {
 public:
  /// Finds the limit files, of a process's own cgroup and of all above it. `root` stands in for "/" in tests.
  explicit cpu_quota(const std::string& root = {}, const std::string& process = "self");
  /// The least of them in thousandths of a CPU; 0: none.
  [[nodiscard]] std::uint32_t millis() const;

 private:
  struct limit {
    std::string quota;   ///< version 2: cpu.max, "$QUOTA $PERIOD"; version 1: cpu.cfs_quota_us
    std::string period;  ///< version 1: cpu.cfs_period_us; empty for version 2
  };
  void find_limits(const std::string& root, const std::string& mount_point, const std::string& path, bool version_2);

  std::vector<limit> limits_;
};

/// `start_time` as in root::start_time. What cannot be read stays 0.
[[nodiscard]] process_vitals read_process_vitals(std::span<layout::registry* const> registries,
                                                 std::uint64_t start_time, const cpu_quota& quota);

}  // namespace tasks::detail

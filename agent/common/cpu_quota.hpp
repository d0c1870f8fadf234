#pragma once

/// How much of the machine a process may use: its affinity mask, and the cgroup file system (cgroups(7)).

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace tasks::detail {

/// The CPU bandwidth limit of the cgroups that this process is in.
class cpu_quota {
 public:
  /// Finds the limit files, of a process's own cgroup and of all above it. `root` stands in for "/" in tests.
  explicit cpu_quota(const std::string& root = {}, const std::string& process = "self");
  struct unlimited {};
  explicit cpu_quota(unlimited) noexcept {}
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

/// Processors that a process may run on.
struct usable_cpus {
  std::uint32_t count = 0;             ///< the lesser of the mask and the quota rounded up; at least 1
  std::uint32_t in_affinity_mask = 0;  ///< of the main thread; 0: not known
  std::uint32_t quota_millis = 0;      ///< thousandths of one; 0: no quota
};
[[nodiscard]] usable_cpus count_cpus(pid_t pid, const cpu_quota& quota);

}  // namespace tasks::detail

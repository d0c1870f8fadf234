#include "cpu_quota.hpp"

#include <sched.h>

#include <algorithm>
#include <utility>

#include "small_file.hpp"

namespace tasks::detail {
namespace {

/// The path of this process in a hierarchy, from /proc/self/cgroup: "0::/a/b" or "4:cpu,cpuacct:/a/b". Empty: none.
std::string cgroup_path(const std::string& file, bool version_2) {
  for (const auto& line : split(file, '\n')) {
    const auto first = line.find(':');
    const auto second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const auto controllers = split(line.substr(first + 1, second - first - 1), ',');
    const bool match = version_2 ? line.compare(0, 3, "0::") == 0
                                 : std::find(controllers.begin(), controllers.end(), "cpu") != controllers.end();
    if (match) return line.substr(second + 1);
  }
  return {};
}

}  // namespace

// A line of /proc/self/mountinfo (proc(5)):
//   36 35 98:0 /mount/root /mount/point rw,noatime master:1 - type source super,options
cpu_quota::cpu_quota(const std::string& root, const std::string& process) {
  const auto proc = root + "/proc/" + process;
  const auto cgroups = read_small_file(proc + "/cgroup");
  for (const auto& line : split(read_small_file(proc + "/mountinfo"), '\n')) {
    const auto dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    const auto mount = split(line.substr(0, dash), ' ');
    const auto system = split(line.substr(dash + 3), ' ');
    if (mount.size() < 5 || system.size() < 3) continue;
    const bool version_2 = system[0] == "cgroup2";
    const auto options = split(system[2], ',');
    if (!version_2 && (system[0] != "cgroup" || std::find(options.begin(), options.end(), "cpu") == options.end()))
      continue;
    auto path = cgroup_path(cgroups, version_2);
    // A container often has only its own part of the hierarchy mounted.
    if (mount[3] != "/" && path.compare(0, mount[3].size(), mount[3]) == 0) path.erase(0, mount[3].size());
    find_limits(root, mount[4], path, version_2);
  }
}

void cpu_quota::find_limits(const std::string& root, const std::string& mount_point, const std::string& path,
                            bool version_2) {
  for (auto part = path == "/" ? std::string() : path;; part.erase(part.rfind('/'))) {
    const auto directory = root + mount_point + part + "/";
    limit found = version_2 ? limit{directory + "cpu.max", {}}
                            : limit{directory + "cpu.cfs_quota_us", directory + "cpu.cfs_period_us"};
    if (!read_small_file(found.quota).empty()) limits_.push_back(std::move(found));
    if (part.find('/') == std::string::npos) return;
  }
}

std::uint32_t cpu_quota::millis() const {
  std::uint64_t least = 0;
  for (const auto& l : limits_) {
    const auto fields = split(read_line_of(l.quota), ' ');
    const auto quota = parse_number(fields[0]);  // "max" and -1 say 0 here: none
    if (quota == 0) continue;
    const auto period =
        l.period.empty() ? (fields.size() < 2 ? 0 : parse_number(fields[1])) : parse_number(read_line_of(l.period));
    if (period == 0) continue;
    const auto value = std::max<std::uint64_t>(quota * 1000 / period, 1);
    least = least == 0 ? value : std::min(least, value);
  }
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(least, UINT32_MAX));
}

namespace {

std::uint32_t count_affinity(pid_t pid) {
  std::vector<cpu_set_t> mask(1);
  for (; mask.size() <= 64; mask.resize(mask.size() * 2)) {  // EINVAL: the kernel knows more processors
    const auto bytes = mask.size() * sizeof(cpu_set_t);
    if (sched_getaffinity(pid, bytes, mask.data()) == 0)
      return static_cast<std::uint32_t>(CPU_COUNT_S(bytes, mask.data()));
  }
  return 0;
}

}  // namespace

usable_cpus count_cpus(pid_t pid, const cpu_quota& quota) {
  usable_cpus cpus;
  cpus.in_affinity_mask = count_affinity(pid);
  cpus.quota_millis = quota.millis();
  cpus.count = std::max(cpus.in_affinity_mask, 1u);
  if (cpus.quota_millis != 0) cpus.count = std::min(cpus.count, (cpus.quota_millis + 999) / 1000);
  return cpus;
}

}  // namespace tasks::detail

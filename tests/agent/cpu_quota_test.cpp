// The cgroups' CPU limit, read below a root that is made up.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "cpu_quota.hpp"

namespace tasks::detail {
namespace {

namespace fs = std::filesystem;

/// Files below a temporary root.
class made_up_root {
 public:
  explicit made_up_root(const std::map<std::string, std::string>& files) {
    char name[] = "/tmp/tasks-cgroup-XXXXXX";
    path_ = mkdtemp(name);
    for (const auto& [file, text] : files) {
      fs::create_directories(fs::path(path_ + file).parent_path());
      std::ofstream(path_ + file) << text;
    }
  }
  ~made_up_root() { fs::remove_all(path_); }
  made_up_root(const made_up_root&) = delete;
  made_up_root& operator=(const made_up_root&) = delete;
  [[nodiscard]] std::uint32_t millis() const { return cpu_quota(path_).millis(); }

 private:
  std::string path_;
};

constexpr auto unified = "31 24 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

TEST(CpuQuota, IsNoneWhereNothingSaysOne) {
  EXPECT_EQ(made_up_root({}).millis(), 0u);
  EXPECT_EQ(made_up_root({{"/proc/self/cgroup", "0::/a\n"},
                          {"/proc/self/mountinfo", unified},
                          {"/sys/fs/cgroup/a/cpu.max", "max 100000\n"}})
                .millis(),
            0u);
}

TEST(CpuQuota, IsTheLeastOfAllLevels) {
  EXPECT_EQ(made_up_root({{"/proc/self/cgroup", "0::/a/b\n"},
                          {"/proc/self/mountinfo", unified},
                          {"/sys/fs/cgroup/a/b/cpu.max", "250000 100000\n"},
                          {"/sys/fs/cgroup/a/cpu.max", "150000 100000\n"}})
                .millis(),
            1500u);
}

TEST(CpuQuota, OfAContainerThatSeesOnlyItsOwnPart) {
  EXPECT_EQ(made_up_root({{"/proc/self/cgroup", "0::/pod/c1\n"},
                          {"/proc/self/mountinfo", "31 24 0:27 /pod/c1 /sys/fs/cgroup ro - cgroup2 cgroup rw\n"},
                          {"/sys/fs/cgroup/cpu.max", "50000 100000\n"}})
                .millis(),
            500u);
}

TEST(CpuQuota, OfVersionOne) {
  EXPECT_EQ(made_up_root({{"/proc/self/cgroup", "5:memory:/x\n4:cpu,cpuacct:/a\n"},
                          {"/proc/self/mountinfo",
                           "33 32 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                           "34 32 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"},
                          {"/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "300000\n"},
                          {"/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n"},
                          {"/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n"},
                          {"/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"}})
                .millis(),
            3000u);
}

}  // namespace
}  // namespace tasks::detail

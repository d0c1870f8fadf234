#include "server/process_vitals.hpp"

#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>

#include "small_file.hpp"

namespace tasks::detail {
namespace {

/// A directory's link count is 2 more than the number of its subdirectories: here of threads. One system call,
/// however many there are.
std::uint32_t count_threads() noexcept {
  struct stat info {};
  if (stat("/proc/self/task", &info) != 0 || info.st_nlink < 3) return 0;
  return static_cast<std::uint32_t>(info.st_nlink - 2);
}

std::uint32_t count_workers(std::span<layout::registry* const> registries) {
  std::vector<std::uint32_t> tids;
  for (const auto* home : registries) {
    const auto count = std::min<std::uint64_t>(home->threads.load(std::memory_order_acquire), layout::max_threads);
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto tid = home->slots[i].tid.load(std::memory_order_acquire);
      if (tid != 0 && home->slots[i].worker.load(std::memory_order_acquire) == 1) tids.push_back(tid);
    }
  }
  std::sort(tids.begin(), tids.end());
  tids.erase(std::unique(tids.begin(), tids.end()), tids.end());
  const auto alive = [](std::uint32_t tid) { return syscall(SYS_tgkill, getpid(), tid, 0) == 0; };
  return static_cast<std::uint32_t>(std::count_if(tids.begin(), tids.end(), alive));
}

std::uint64_t milliseconds(const timespec& t) noexcept {
  return static_cast<std::uint64_t>(t.tv_sec) * 1000 + static_cast<std::uint64_t>(t.tv_nsec) / 1'000'000;
}

std::uint64_t clock_ms(clockid_t clock) noexcept {
  timespec t{};
  return clock_gettime(clock, &t) == 0 ? milliseconds(t) : 0;
}

std::uint64_t resident_bytes() {
  const auto fields = split(read_line_of("/proc/thread-self/statm"), ' ');
  return fields.size() < 2 ? 0 : parse_number(fields[1]) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

end_counts count_ends(std::span<layout::registry* const> registries) noexcept {
  end_counts counts;
  for (const auto* home : registries) {
    const auto threads = std::min<std::uint64_t>(home->threads.load(std::memory_order_acquire), layout::max_threads);
    for (std::uint64_t i = 0; i < threads; ++i) {
      const auto& slot = home->slots[i];
      counts.ended += slot.ended.load(std::memory_order_acquire);
      counts.failed += slot.failed.load(std::memory_order_acquire);
      counts.cancelled += slot.cancelled.load(std::memory_order_acquire);
    }
  }
  return counts;
}

process_vitals read_tasks_vitals(std::span<layout::registry* const> registries, const cpu_quota& quota) {
  process_vitals v;
  v.workers = count_workers(registries);
  // The agent's own thread has whatever mask its creator had; the process's number names the main thread.
  v.cpus = count_cpus(getpid(), quota);
  return v;
}

process_vitals read_process_vitals(std::span<layout::registry* const> registries, std::uint64_t start_time,
                                   const cpu_quota& quota) {
  auto v = read_tasks_vitals(registries, quota);
  v.os_threads = count_threads();
  v.rss_bytes = resident_bytes();
  v.cpu_time_ms = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
  const auto started = start_time * 1000 / static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
  const auto now = clock_ms(CLOCK_BOOTTIME);
  v.uptime_ms = now > started ? now - started : 0;
  return v;
}

}  // namespace tasks::detail

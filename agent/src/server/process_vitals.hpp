#pragma once

/// What the process uses: threads, processors, memory, time. Read from /proc.

#include <cstdint>
#include <span>

#include "cpu_quota.hpp"
#include "tasks/detail/layout.hpp"

namespace tasks::detail {

struct process_vitals {
  std::uint32_t os_threads = 0;
  std::uint32_t workers = 0;  ///< threads that have run a task and still exist
  usable_cpus cpus;
  std::uint64_t rss_bytes = 0;
  std::uint64_t cpu_time_ms = 0;
  std::uint64_t uptime_ms = 0;
};

/// Nothing but `workers` and `cpus`: what the kernel does not tell everybody who asks.
[[nodiscard]] process_vitals read_tasks_vitals(std::span<layout::registry* const> registries, const cpu_quota& quota);
/// `start_time` as in root::start_time. What cannot be read stays 0.
[[nodiscard]] process_vitals read_process_vitals(std::span<layout::registry* const> registries,
                                                 std::uint64_t start_time, const cpu_quota& quota);

/// Tasks that have ended, on all threads.
struct end_counts {
  std::uint64_t ended = 0, failed = 0, cancelled = 0;
};
[[nodiscard]] end_counts count_ends(std::span<layout::registry* const> registries) noexcept;

}  // namespace tasks::detail

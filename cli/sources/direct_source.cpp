#include <errno.h>
#include <fmt/format.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "cpu_quota.hpp"
#include "linux/proc.hpp"
#include "sources/memory_source.hpp"

namespace tasks::cli {
namespace {

std::int64_t clock_ns(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

process_facts facts_of(pid_t pid) {
  process_facts facts;
  const inner_numbers inner(pid);
  for (const pid_t tid : all_tids(pid)) facts.tids.push_back(inner.of(tid));
  facts.cpus = detail::count_cpus(pid, detail::cpu_quota({}, std::to_string(pid)));
  if (const auto stat = read_stat(pid)) {
    const auto living = living_thread(pid);
    const auto rss_pages = living == pid ? stat->rss_pages : read_stat(living).value_or(*stat).rss_pages;
    facts.rss_bytes = rss_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    facts.cpu_time_ms = stat->cpu_ticks * 1000 / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    facts.uptime_ms = static_cast<std::uint64_t>(uptime_of(stat->start_time) * 1000);
  }
  return facts;
}

class direct_source final : public memory_source {
 public:
  using memory_source::memory_source;

  [[nodiscard]] std::string description() const override { return "memory of " + subject_of(pid()); }
  [[nodiscard]] std::uint64_t now() override { return detail::monotonic_ms(); }
  [[nodiscard]] process_facts facts() override { return facts_of(pid()); }

 protected:
  [[nodiscard]] std::optional<std::int64_t> wall_clock() override { return clock_ns(CLOCK_REALTIME); }
};

class still_source final : public memory_source {
 public:
  still_source(std::shared_ptr<target> still, moment_facts then)
      : memory_source(std::move(still)), then_(std::move(then)) {}

  [[nodiscard]] std::string description() const override { return "one moment of " + subject_of(pid()); }
  [[nodiscard]] std::uint64_t now() override { return then_.monotonic_ms; }
  [[nodiscard]] process_facts facts() override { return then_.process; }

 protected:
  [[nodiscard]] std::optional<std::int64_t> wall_clock() override { return then_.wall_clock_ns; }

 private:
  moment_facts then_;
};

}  // namespace

moment_facts facts_now(pid_t pid) { return {detail::monotonic_ms(), clock_ns(CLOCK_REALTIME), facts_of(pid)}; }

std::unique_ptr<memory_source> open_still(std::shared_ptr<target> still, moment_facts then) {
  return std::make_unique<still_source>(std::move(still), std::move(then));
}

result<std::unique_ptr<memory_source>> open_direct(std::shared_ptr<target> process) {
  const auto pid = process->pid();
  const auto stat = read_stat(pid);
  if (!stat) return no_such_process(pid);
  if (process_has_ended(*stat)) return error{error_code::no_such_process, subject_of(pid), "the process has ended", ""};
  if (!process->roots()) return process->roots().why();
  return std::unique_ptr<memory_source>(std::make_unique<direct_source>(std::move(process)));
}

}  // namespace tasks::cli

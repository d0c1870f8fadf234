#pragma once

/// Snapshots from a target's memory, with the same answers as an agent's.

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "cpu_quota.hpp"
#include "linux/memory.hpp"
#include "sources/snapshot_source.hpp"
#include "target/registry_reader.hpp"
#include "target/target.hpp"

namespace tasks::cli {

/// What the registries do not tell of a process.
struct process_facts {
  std::vector<std::uint32_t> tids;  ///< as the target calls its threads
  detail::usable_cpus cpus;         ///< all 0: not known, as below
  std::uint64_t rss_bytes = 0;
  std::uint64_t cpu_time_ms = 0;
  std::uint64_t uptime_ms = 0;
};

class memory_source : public snapshot_source {
 public:
  /// Its roots can be read.
  explicit memory_source(std::shared_ptr<target> from);

  [[nodiscard]] pid_t pid() const override { return from_->pid(); }
  [[nodiscard]] target* from() const override { return from_.get(); }
  result<v1::Vitals> vitals(bool counts_only, const chunk_visitor& visit) override;
  result<v1::Trailer> stacks(const v1::StacksRequest& query, const chunk_visitor& visit) override;

  [[nodiscard]] registry_reader& registries() noexcept { return reader_; }
  /// Milliseconds on the target's CLOCK_MONOTONIC.
  [[nodiscard]] virtual std::uint64_t now() = 0;
  [[nodiscard]] virtual process_facts facts() = 0;

 protected:
  /// Nanoseconds since the epoch; nullopt: not known.
  [[nodiscard]] virtual std::optional<std::int64_t> wall_clock() = 0;

 private:
  friend class chunk_maker;
  [[nodiscard]] std::uint32_t tick_resolution() const;
  [[nodiscard]] bool is_fork() const;

  std::shared_ptr<target> from_;
  registry_reader reader_;
};

/// What the clocks and the kernel told of a process at one moment.
struct moment_facts {
  std::uint64_t monotonic_ms = 0;
  std::int64_t wall_clock_ns = 0;  ///< since the epoch
  process_facts process;
};
[[nodiscard]] moment_facts facts_now(pid_t pid);

/// A target that stands still, and whose roots can be read, as of then.
[[nodiscard]] std::unique_ptr<memory_source> open_still(std::shared_ptr<target> still, moment_facts then);
/// A live process, which is neither asked, nor stopped, nor written to. Fails where its memory may not be read.
[[nodiscard]] result<std::unique_ptr<memory_source>> open_direct(std::shared_ptr<target> process);
[[nodiscard]] result<std::unique_ptr<memory_source>> open_core(std::shared_ptr<core_file> core);

}  // namespace tasks::cli

#pragma once

/// Copied tasks and groups as the parts of an answer, with the source locations read from the target's memory.

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sources/snapshot_source.hpp"
#include "stack_groups.hpp"
#include "target/registry_reader.hpp"

namespace tasks::cli {

/// The target's clocks at the moment of an answer.
struct target_clocks {
  std::uint64_t monotonic_ms;
  std::optional<std::int64_t> wall_ns;  ///< since the epoch; nullopt: not known
  bool tells_ages = true;               ///< false: it is not known since when anything is
};

class chunk_maker {
 public:
  chunk_maker(const memory& from, const registry_reader& registries, target_clocks clocks, const chunk_visitor& visit)
      : memory_(from), registries_(registries), clocks_(clocks), visit_(visit) {}

  /// From here on, a task that another thread runs was run by the parent of this process when it forked.
  void set_own_threads(std::vector<std::uint32_t> tids) { own_threads_ = std::move(tids); }

  void add(const target_task& task);
  void add(const detail::stack_group& group, std::span<const std::uint64_t> frames);
  void add(const detail::failure_copy& failure);
  /// Calls the visitor with the tasks and groups that were added since it was last called.
  void flush();
  /// The visitor wants no more.
  [[nodiscard]] bool stopped() const noexcept { return stopped_; }

 private:
  [[nodiscard]] std::uint32_t number(std::uint64_t where);
  [[nodiscard]] std::uint32_t number_path(std::uint64_t path);
  void fill_wait(layout::wait_kind kind, const detail::wait_copy& from, v1::Wait& wait) const;

  const memory& memory_;
  const registry_reader& registries_;
  target_clocks clocks_;
  const chunk_visitor& visit_;
  v1::Chunk chunk_;
  std::unordered_map<std::uint64_t, std::uint32_t> locations_;
  std::optional<std::vector<std::uint32_t>> own_threads_;  ///< nothing: this process is no fork
  bool stopped_ = false;
};

}  // namespace tasks::cli

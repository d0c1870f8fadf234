#pragma once

/// Memory of tasks and the heap, as a message of a recording, and back.

#include <cstdint>
#include <vector>

#include "surveys/resolver.hpp"
#include "surveys/task_memory.hpp"
#include "tasks/v1/recording.pb.h"

namespace tasks::cli {

/// Of more tasks it is not recorded.
inline constexpr std::size_t most_with_recorded_memory = 100'000;

/// Of the same moment as `source`. Fails where that does.
[[nodiscard]] result<v1::RecordedMemory> record_memory(proven_memory of, snapshot_source& source);

/// As it was recorded.
class recorded_memory {
 public:
  /// What does not hold together in it is left out.
  explicit recorded_memory(const v1::RecordedMemory& from);

  [[nodiscard]] const task_memory& known() const noexcept { return known_; }
  /// Of a part of a group of then, or of several together, it is not known.
  [[nodiscard]] kept_by_groups find_kept(const keeper_groups& groups) const;

 private:
  struct group {
    std::uint64_t tasks = 0;
    std::optional<counted_bytes> kept;
  };
  void read_tasks(const v1::RecordedMemory& from);

  task_memory known_;
  std::vector<std::uint32_t> group_of_;  ///< of each task, a place in groups_; keeper_groups::none
  std::vector<group> groups_;
  std::optional<counted_bytes> together_;
};

}  // namespace tasks::cli

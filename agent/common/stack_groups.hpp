#pragma once

/// Tasks counted by what they do: equal frames, equal state, equal kind of wait, spawned along equal paths.
///
///   task ──> hash of its frames ──> group {count, oldest, ids} ──> its frames, once
///
/// Frames are equal when they await at the same places, whatever their addresses. Bounded: what finds no room any
/// more is counted, and said so.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "task_copy.hpp"

namespace tasks::detail {

struct stack_group {
  static constexpr std::size_t most_ids = 3;

  std::uint64_t hash;
  std::uint64_t count;
  task_state state;
  layout::wait_kind kind;
  bool truncated;
  bool same_capacity;  ///< all of them wait on channels, of this capacity
  std::uint64_t capacity;
  std::uint64_t spawn_path;
  std::uint64_t spawn_where;  ///< of the oldest
  std::uint64_t spawn_outer;
  std::size_t id_count;
  std::array<std::uint64_t, most_ids> ids;   ///< oldest first
  std::array<std::uint64_t, most_ids> ages;  ///< in milliseconds
  std::size_t first_frame;                   ///< see stack_groups::frames()
  std::size_t depth;
  std::size_t number;  ///< as add() returned it
};

class stack_groups {
 public:
  static constexpr std::size_t most_groups = 65536;
  static constexpr std::size_t most_frames = std::size_t{1} << 20;  ///< of all groups together

  /// Throws std::bad_alloc.
  stack_groups();
  /// The number of the task's group, from 0 in the order in which they were first seen; no_group: there was no room.
  std::size_t add(const task_copy& task, std::uint64_t age);
  static constexpr std::size_t no_group = SIZE_MAX;

  /// Largest first; equally large ones oldest first. Nothing can be added afterwards.
  [[nodiscard]] std::span<const stack_group> sort();
  /// entry::where of each frame, outermost first.
  [[nodiscard]] std::span<const std::uint64_t> frames(const stack_group& group) const noexcept {
    return {frames_.data() + group.first_frame, group.depth};
  }
  /// Tasks that would have needed one group too many.
  [[nodiscard]] std::uint64_t left_out() const noexcept { return left_out_; }

 private:
  [[nodiscard]] stack_group* find(const task_copy& task, std::uint64_t hash);
  void grow();

  std::vector<stack_group> groups_;
  std::vector<std::uint64_t> frames_;
  std::vector<std::uint32_t> table_;  ///< open addressing: index of a group + 1, or 0; its size a power of two
  std::uint64_t left_out_ = 0;
};

}  // namespace tasks::detail

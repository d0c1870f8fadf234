#pragma once

/// A copied task and what can be told from it, wherever it was copied: in its process, from outside, from a core.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tasks/detail/layout.hpp"

namespace tasks::detail {

/// Numbers are those of tasks.v1.Task.State.
enum class task_state : std::uint8_t { ready = 1, running = 2, blocked = 3 };

/// What a task waits for: as its record says, or one of a group's members.
struct wait_copy {
  std::uint64_t wait;  ///< layout::pack_wait()
  std::uint64_t object;
  std::uint64_t detail;
};

/// What the other members wait for of a group that a task awaits.
struct group_copy {
  std::uint32_t members = 0;  ///< 0: it awaits no group
  std::uint32_t ended = 0;    ///< of them
  std::uint32_t tasks = 0;    ///< of them: tasks that it spawned, ended ones too
  std::size_t count = 0;
  std::array<wait_copy, layout::group_record::room> pending{};  ///< the first `count`, the one that matters most first
};

/// What a record said of its task at one moment.
struct task_copy {
  std::uint64_t word;
  std::uint64_t id;
  std::uint64_t parent;
  std::uint64_t resumes;
  std::uint64_t since;   ///< tick at which it began to wait or to run; meaningless for `ready`
  std::uint64_t wait;    ///< 0 unless blocked and known; of a group, that of its pending member which matters most
  std::uint64_t object;  ///< likewise
  std::uint64_t detail;  ///< likewise
  group_copy group;
  std::uint64_t spawn_path;
  std::uint64_t spawn_where;
  std::uint64_t spawn_outer;
  std::uint64_t annotations;
  std::uint32_t thread;  ///< 0 unless running
  std::uint32_t flags;
  std::size_t depth;                 ///< frames copied
  bool truncated;                    ///< the stack is deeper than what was copied
  std::vector<std::uint64_t> where;  ///< the first `depth`: entry::where, outermost first

  [[nodiscard]] std::uint64_t version() const noexcept { return word / layout::one_version; }
};

/// Takes a group's members over into a task that awaits it; `members` as group_record::members. The wait that matters
/// most becomes the task's: a socket's before a channel's, a timer's after both.
void take_group(std::uint64_t members, std::span<const wait_copy, layout::group_record::room> waits, task_copy& to);
/// Frames that are copied of one stack at most.
inline constexpr std::size_t deepest_stack = 65536;

[[nodiscard]] task_state state_of(std::uint64_t word) noexcept;
/// Of a group, that of its pending member which matters most. none unless blocked; other where it is not known.
[[nodiscard]] layout::wait_kind kind_of(const task_copy& task) noexcept;
/// Does it wait on a channel or for tasks, and for something else besides: a time-out, or another member of its group?
[[nodiscard]] bool has_another_way_on(const task_copy& task) noexcept;
/// Milliseconds that it has been in its state; 0 for `ready`.
[[nodiscard]] std::uint64_t age_of(const task_copy& task, std::uint64_t now) noexcept;
/// CLOCK_MONOTONIC in milliseconds.
[[nodiscard]] std::uint64_t monotonic_ms() noexcept;

/// What a task must be to be listed. Absent: anything.
struct task_filter {
  std::vector<std::uint64_t> ids;  ///< sorted
  std::uint32_t states = 0;        ///< bit n: the task_state n; 0: any
  std::uint64_t kinds = 0;         ///< bit n: the wait_kind n; 0: any
  std::uint64_t older_than_ms = 0;
  std::vector<std::uint32_t> threads{};  ///< sorted: it runs on one of these
  std::vector<std::uint32_t> fds{};      ///< sorted: it waits for one of these, among others perhaps

  [[nodiscard]] bool passes(const task_copy& task, std::uint64_t now) const noexcept;
};

/// What a walk has seen so far.
struct walk_counts {
  std::uint64_t tasks = 0;
  std::uint64_t running = 0;
  std::uint64_t blocked = 0;
  std::uint64_t ready = 0;
  std::uint64_t on_channels = 0;  ///< blocked on one
  std::uint64_t on_tasks = 0;     ///< blocked on other tasks
  std::uint64_t on_more = 0;      ///< blocked on one of these, and on something else besides
  std::uint64_t matched = 0;      ///< passed the filter
  std::uint64_t torn = 0;         ///< changed too often to be copied

  void add(const task_copy& task) noexcept;
  /// One that exists, runs, and could not be copied.
  void add_torn() noexcept;
  /// Every task is blocked, on a channel or on tasks that are, and none on a timer or on I/O.
  [[nodiscard]] bool all_on_channels() const noexcept;
};

}  // namespace tasks::detail

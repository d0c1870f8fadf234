#pragma once

/// Groups of tasks in words, as reports of this process list them: those that read alike are one.
///
///   2 tasks [channel send, 5s]:
///   ask_replica(std::shared_ptr<reply>, int)
///   	/src/lab/replica.cpp:175
///   spawned by first_reply(std::shared_ptr<reply>)
///   	/src/lab/replica.cpp:190
///   tasks 13, 14

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "reports/frame_names.hpp"
#include "reports/spawn_sites.hpp"
#include "stack_groups.hpp"

namespace tasks::detail {

struct shown_group {
  struct aged_task {
    std::uint64_t id, age;
  };
  std::string state;
  std::string stack;  ///< frames, innermost first, and spawn site
  std::uint64_t count;
  std::vector<aged_task> oldest;  ///< first; stack_group::most_ids at most
};

struct shown_groups {
  std::vector<shown_group> groups;  ///< the largest first, equally large ones oldest first
  std::uint64_t left_out = 0;       ///< tasks of groups beyond the largest `most`
};

/// Of the `most` largest groups, before those that read alike are made one (a loop that a compiler has unrolled spawns
/// at several addresses). Throws std::bad_alloc, as below.
[[nodiscard]] shown_groups show_groups(stack_groups& groups, frame_names& names, spawn_sites& sites,
                                       std::size_t most = SIZE_MAX);

/// As above, whole lines.
void append(std::string& to, const shown_group& group);

/// "1 task", "2 tasks"
[[nodiscard]] std::string count_of_tasks(std::uint64_t count);

}  // namespace tasks::detail

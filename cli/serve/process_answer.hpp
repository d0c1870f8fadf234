#pragma once

/// What a process has answered to who asked for its counts and its groups: its agent, its registry, or a snapshot of
/// it.

#include <cstdint>
#include <optional>
#include <vector>

#include "sources/snapshot_source.hpp"
#include "surveys/running_tasks.hpp"
#include "tasks/v1/agent.pb.h"

namespace tasks::cli {

/// As the default of `vitals --stalled-after`.
inline constexpr std::uint64_t stalled_after_ms = 1000;

struct process_answer {
  std::optional<v1::Vitals> vitals;
  std::vector<v1::Chunk> parts;
  v1::Trailer trailer;
  running_tasks running;
};

/// The question after the vitals, as glances ask it.
[[nodiscard]] v1::StacksRequest ask_for_groups(const v1::Vitals& vitals);

/// What a source answers to these. Nothing: it fails.
[[nodiscard]] std::optional<process_answer> answer_of(snapshot_source& source);

/// What its only snapshot answers. Nothing: it cannot be read, or has more than 16 MiB of tasks, which is too much to
/// be read by who tells of all processes. `file`: a recording of ours.
[[nodiscard]] std::optional<process_answer> answer_in(int file);

}  // namespace tasks::cli

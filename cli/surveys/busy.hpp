#pragma once

/// Tasks that never rest: they wait for no longer than it takes to come to their turn again, so each look finds them
/// waiting, like all others. Two looks at how often they were resumed tell, and a hundred more who resumes them.
///
///   task 78   3'057'748 resumptions ──0.1 s later──> 3'187'748: 1.3 M a second ──100 looks──> thread 17 did so anew at
///   97

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "target/target.hpp"

namespace tasks::cli {

/// A thread that resumes a busy task.
struct task_resumer {
  std::uint32_t thread = 0;  ///< as the target calls it
  unsigned anew = 0;         ///< looks at which it had resumed the task since the look before, or ran it
  unsigned ran = 0;          ///< of those: it ran it
};

struct busy_task {
  std::uint64_t id = 0;
  double per_second = 0;      ///< resumptions
  std::uint64_t resumes = 0;  ///< at the last look: a task that has not been resumed since rests now
  /// At each look it waited for its turn, or for a timer that had expired: no other task has a part in it.
  bool needs_nobody = false;
  unsigned looks = 0;              ///< a sample, of 20 milliseconds or more
  std::vector<task_resumer> by{};  ///< who was seen most often first; never empty
};

/// The busiest first. Takes 0.1 seconds where a first look shows that there may be any, and 0.03 more where there are;
/// nothing is stopped. Empty where its memory cannot be read, and of a core.
[[nodiscard]] std::vector<busy_task> find_busy(target& from);
/// Of each of them, in the same time.
[[nodiscard]] std::vector<std::vector<busy_task>> find_busy(std::span<target* const> from);

/// Null: it is none of them.
[[nodiscard]] const busy_task* find(const std::vector<busy_task>& busy, std::uint64_t task);
/// A task that has been resumed so seldom, or has waited for so long, is none: nobody need look.
[[nodiscard]] bool may_be_busy(std::uint64_t resumes, std::uint64_t age_ms);

/// "1.3 M", "420 k".
[[nodiscard]] std::string format_rate(double per_second);
/// "busy, 1.3 M resumptions/s".
[[nodiscard]] std::string words_of(const busy_task& busy);

}  // namespace tasks::cli

#pragma once

/// What tables of a live view are made of: processes, the groups of one, the tasks of one of these.

#include <deque>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "top/live_table.hpp"
#include "top/seen_process.hpp"

namespace tasks::cli {

/// A number that is added belongs to these columns and to the function below that fills them.
[[nodiscard]] std::vector<live_column> process_columns();
[[nodiscard]] std::vector<live_column> group_columns();
[[nodiscard]] std::vector<live_column> task_columns();

/// How many tasks processes had, over the last minute.
class process_growth {
 public:
  void add(const v1::ListView& seen, double at);
  /// Tasks a minute. Nothing: it was looked at once, or does not tell.
  [[nodiscard]] std::optional<double> of(std::uint32_t pid) const;

 private:
  std::map<std::uint32_t, std::deque<std::pair<double, double>>> tasks_;  ///< when, how many
};

/// How often tasks were resumed at two looks.
class task_resumes {
 public:
  void add(const glance_tasks& seen, double at);
  /// A second. Nothing: not known.
  [[nodiscard]] std::optional<double> of(const glance_task& task) const;

 private:
  std::unordered_map<std::uint64_t, std::uint64_t> last_, before_;
  double at_ = 0, seconds_ = 0;
};

[[nodiscard]] std::vector<live_row> process_rows(const v1::ListView& seen, const process_growth& growth);
[[nodiscard]] std::vector<live_row> group_rows(const seen_process& seen);
[[nodiscard]] std::vector<live_row> task_rows(const glance_tasks& seen, const task_resumes& resumes);

}  // namespace tasks::cli

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

/// Columns that are shown while runs are timed.
void show_times(live_table& in, bool shown);

/// How often tasks were resumed at two looks, and how long they had run.
class task_resumes {
 public:
  void add(const glance_tasks& seen, double at);
  /// A second. Nothing: not known.
  [[nodiscard]] std::optional<double> of(const glance_task& task) const;
  /// Of one CPU. Nothing: not known.
  [[nodiscard]] std::optional<double> busy_of(const glance_task& task) const;

 private:
  struct counted {
    std::uint64_t resumes = 0, busy_ns = 0;
    bool is_timed = false;
  };
  std::unordered_map<std::uint64_t, counted> last_, before_;
  double at_ = 0, seconds_ = 0;
};

[[nodiscard]] std::vector<live_row> process_rows(const v1::ListView& seen, const process_growth& growth);
[[nodiscard]] std::vector<live_row> group_rows(const seen_process& seen);
[[nodiscard]] std::vector<live_row> task_rows(const glance_tasks& seen, const task_resumes& resumes);

}  // namespace tasks::cli

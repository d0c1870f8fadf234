#pragma once

/// One pass over every live task of the process.
///
///   registries ──> records ──> copy ──> filter ──> task, task, task, …, end
///
/// Oldest first while there are few enough tasks to sort, else in the order of the records. Its memory does not grow
/// with the number of tasks.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "readers/record_reader.hpp"
#include "readers/slab_map.hpp"
#include "readers/text_filter.hpp"

namespace tasks::detail {

class task_walk {
 public:
  enum class order { oldest_first, any };
  enum class step {
    task,   ///< task() is the next one
    pause,  ///< nothing; many records were read since the last pause, others may want to run
    end,
  };

  static constexpr std::size_t most_sorted = 65536;

  /// Throws std::bad_alloc, as does next().
  task_walk(task_filter filter, order how, text_filter texts = {});

  [[nodiscard]] step next();
  [[nodiscard]] const task_copy& task() const noexcept { return task_; }
  /// Keeps no address of what task() waits on: whoever proves that nobody has it looks into our memory too. Likewise
  /// where there is no task.
  void forget() noexcept;
  [[nodiscard]] std::uint64_t age() const noexcept { return age_of(task_, now_); }
  /// CLOCK_MONOTONIC in milliseconds, as of the last pause.
  [[nodiscard]] std::uint64_t now() const noexcept { return now_; }
  [[nodiscard]] const walk_counts& counts() const noexcept { return counts_; }
  [[nodiscard]] slab_map& slabs() noexcept { return slabs_; }

 private:
  struct candidate {
    std::uint64_t id;
    const layout::record* at;
  };

  void sort_tasks();
  [[nodiscard]] const layout::record* next_record() noexcept;
  [[nodiscard]] bool take(const layout::record& at, std::uint64_t id);

  task_filter filter_;
  text_filter texts_;
  std::vector<annotation_copy> copied_texts_;
  slab_map slabs_;
  task_copy task_{};
  walk_counts counts_;
  std::uint64_t now_ = monotonic_ms();
  std::vector<candidate> sorted_;
  bool is_sorted_ = false;
  std::size_t position_ = 0;  ///< in sorted_
  std::size_t registry_ = 0;  ///< of records in their own order: registry,
  std::uint64_t index_ = 0;   ///< record,
  std::uint64_t end_ = 0;     ///< and where that registry ends; loaded at its record 0
  std::size_t since_pause_ = 0;
};

}  // namespace tasks::detail

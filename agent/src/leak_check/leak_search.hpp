#pragma once

/// The tasks that a leak check is about, and the report on those that are left.
///
///   records ──> claimed ones ──> copies ──> not ignored ──> report
///
/// One search a check: it remembers the names of places between its looks.

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "leak_check/leak_scope.hpp"
#include "readers/record_reader.hpp"
#include "reports/frame_names.hpp"
#include "reports/spawn_sites.hpp"
#include "tasks/leak_check.hpp"

namespace tasks::detail {

class leak_search {
 public:
  /// `options` must outlive it. Throws std::bad_alloc, as all below.
  explicit leak_search(const leak_options& options) : options_(options) {}

  /// Looks at the tasks of a scope, null: at all. Those that are left are found() afterwards.
  void look(const leak_scope* scope);
  [[nodiscard]] std::vector<std::uint64_t> found() const;
  [[nodiscard]] leak_report report();

 private:
  void consider(const layout::record& at, const leak_scope::claim& claim, bool all);
  void drop_awaited_by_ignored();
  [[nodiscard]] bool is_ignored(const task_copy& task);
  [[nodiscard]] bool has_ignored_name(const task_copy& task);

  const leak_options& options_;
  frame_names names_;
  spawn_sites sites_{names_};
  slab_map slabs_;
  std::vector<task_copy> found_;
  std::unordered_set<std::uint64_t> ignored_;  ///< ids
};

}  // namespace tasks::detail

#pragma once

/// The tasks that a leak check is about, and the report on those that are left.
///
///   records ──> claimed ones ──> copies ──> not ignored ──> report
///
/// One search a check: it remembers the names of places between its looks.

#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "leak_check/leak_scope.hpp"
#include "readers/record_reader.hpp"
#include "reports/frame_names.hpp"
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
  struct place {
    std::string function;  ///< empty: not known
    std::string compilers;
    std::string line;    ///< file:line of the spawner's last await before; empty: not known
    bool exact = false;  ///< it is that of the spawn itself
  };
  struct code_name {
    std::string function;
    bool plumbing;
    bool lends_thread;
  };

  void consider(const layout::record& at, const leak_scope::claim& claim, bool all);
  void drop_awaited_by_ignored();
  [[nodiscard]] bool is_ignored(const task_copy& task);
  [[nodiscard]] bool has_ignored_name(const task_copy& task);
  [[nodiscard]] place spawn_site(std::uint64_t path, std::uint64_t where, std::uint64_t outer);
  [[nodiscard]] const code_name& symbol(std::uint64_t code);

  const leak_options& options_;
  frame_names names_;
  std::unordered_map<std::uint64_t, code_name> symbols_;  ///< by address
  slab_map slabs_;
  std::vector<task_copy> found_;
  std::unordered_set<std::uint64_t> ignored_;  ///< ids
};

}  // namespace tasks::detail

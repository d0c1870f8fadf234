#pragma once

/// Who keeps tasks: operations and other tasks.
///
///   word = promise of a task's entry point ──> operation around it
///                                         └──> entry point of another task: waits for that task
///                                         └──> allocation of another kind ──> who points to that? (five steps at most)

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "hookless/asio_operation.hpp"

namespace tasks::cli {

class owner_search {
 public:
  /// `scene` must outlive it.
  explicit owner_search(const wait_scene& scene);

  struct relation {
    std::optional<std::uint32_t> to_child;              ///< allocations between it and a task that it waits for
    std::uint32_t awaited_by = asio_operation::nobody;  ///< the first task found that waits for it
    bool has_owner = false;                             ///< somebody has its entry point's promise, be it for nothing
  };
  /// One for each task.
  [[nodiscard]] const std::vector<relation>& relations() const noexcept { return relations_; }
  /// Those that are over and lie in memory that Asio keeps among them. Of one task there may be several, of one
  /// operation several tasks. Running tasks have none.
  [[nodiscard]] std::vector<asio_operation>& operations() noexcept { return operations_; }

 private:
  using owned_object = std::pair<heap_map::object, std::uint32_t>;

  void find_owners();
  void consider(std::uint32_t task, std::uint64_t owner, std::uint32_t depth);
  [[nodiscard]] bool take_child(std::uint32_t task, std::uint64_t owner, std::uint32_t depth);
  [[nodiscard]] std::optional<asio_operation> operation_around(std::uint64_t owner, heap_map::object object);
  [[nodiscard]] bool is_started_by_group(std::uint32_t task) const;
  void follow_allocations();
  [[nodiscard]] std::vector<owned_object> take_open();
  void follow_from_handlers();

  const wait_scene& scene_;
  std::vector<relation> relations_;
  std::vector<asio_operation> operations_;
  std::vector<owned_object> open_;    ///< allocations that own tasks, and nothing else is known of them
  std::vector<bool> has_been_asked_;  ///< by allocation: who leads to it?
  /// Owners in memory of an allocator that is not known, and their tasks.
  std::vector<std::pair<std::uint64_t, std::uint32_t>> loose_;
  std::size_t words_left_, leads_left_;  ///< that will be looked at: a damaged memory may have very many
};

}  // namespace tasks::cli

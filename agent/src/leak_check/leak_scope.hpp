#pragma once

/// Which tasks belong to which leak check, while several exist.
///
///   this_thread.current (the spawning task) ──> its scope ───────────┐
///   none: thread_slot::scope, that of the thread ────────────────────┼──> record::scope of the new task
///   neither: registry::common_scope, the newest of the whole process ┘
///
/// Marked by begin_task, which takes its slow path for every task while there are scopes; its fast path knows nothing
/// of them. Scopes nest: the outer one is that of the task or of the thread which makes the inner one, else one of the
/// whole process. What a scope claims its outer ones claim as well.

#include <cstddef>
#include <cstdint>
#include <unordered_set>
#include <vector>

#include "tasks/detail/layout.hpp"

namespace tasks::detail {

class leak_scope {
 public:
  /// Of the task that runs on the calling thread, else of the thread.
  /// `whole_process`: also of what no other one claims, and the outer one of all that have no other.
  explicit leak_scope(bool whole_process) noexcept;
  ~leak_scope();
  leak_scope(const leak_scope&) = delete;
  leak_scope& operator=(const leak_scope&) = delete;

  /// What it claims at this moment.
  struct claim {
    std::unordered_set<std::uint64_t> scopes;  ///< numbers: its own, inner ones', and inner ones' that have ended
    std::unordered_set<std::uint64_t> except;  ///< ids of tasks that it does not
  };
  /// Any thread. Throws std::bad_alloc.
  [[nodiscard]] claim claims() const;
  /// Takes tasks out, of this scope and of the outer ones. Any thread. Throws std::bad_alloc.
  void excuse(const std::vector<std::uint64_t>& ids);

  /// The scope of the calling thread becomes this one; returns the number of the one before, 0: none.
  std::uint64_t enter_thread() const noexcept;
  /// Undoes that, on the same thread, unless scope `number` has ended meanwhile.
  static void leave_thread(std::uint64_t number, std::uint64_t before) noexcept;
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

 private:
  [[nodiscard]] leak_scope* find_outer() const noexcept;
  [[nodiscard]] bool contains(const leak_scope& other) const noexcept;

  std::uint64_t number_;
  std::uint64_t maker_;         ///< id of the task that made it, 0: none
  std::size_t registries_ = 0;  ///< those that count it
  bool whole_process_;
  leak_scope* outer_;
  leak_scope* next_;                  ///< the one made before it
  std::vector<std::uint64_t> ended_;  ///< numbers of inner ones
  std::unordered_set<std::uint64_t> excused_;
};

}  // namespace tasks::detail

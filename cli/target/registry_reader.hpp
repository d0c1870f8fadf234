#pragma once

/// Every task of a target, from its registries' bytes, with nothing in the target's help or knowledge.
///
///   root ──> registry ──> slabs:   words ──> records ──> words again: the same? then the record is whole
///
/// In separate calls, because the order of the copies inside one process_vm_readv(2) is not specified. Whole slabs at
/// once: three large reads cost less than one small one a record.

#include <array>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "failure_copy.hpp"
#include "linux/memory.hpp"
#include "target/roots.hpp"
#include "task_copy.hpp"
#include "tasks/detail/layout.hpp"

namespace tasks::cli {

struct target_task : detail::task_copy {
  std::uint64_t record = 0;           ///< address of its record
  std::vector<std::uint64_t> frames;  ///< address of each coroutine frame, as `where`: outermost first
};

/// A thread that spawned or ran tasks.
struct target_thread {
  std::uint32_t tid;  ///< as the target's pid namespace calls it
  bool worker;        ///< has run a task
};

class registry_reader {
 public:
  /// Reads the registries of `roots` that are the target's own; both must outlive it.
  registry_reader(const memory& from, const std::vector<root_copy>& roots);

  /// What does not pass a filter is counted and not visited. In the order of the records.
  using visitor = std::function<void(const target_task&)>;
  detail::walk_counts walk(const detail::task_filter& filter, std::uint64_t now, const visitor& visit);
  /// For a visitor: the walk ends with the record that it is called for, and what follows is not counted.
  void leave() noexcept { left_ = true; }
  /// The bytes of each record of a task, not held against its word: a record that is being changed may be of two
  /// states. For what changes too often to be read at once.
  using record_visitor = std::function<void(std::uint64_t address, const unsigned char* bytes)>;
  void each_record(const record_visitor& visit);
  /// The record at an address where one may be. Null: it is no task's, or changes too often. Until the next call.
  [[nodiscard]] const target_task* read(std::uint64_t record);
  /// A name (first empty) or labels of a task, newest first.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> annotations(const target_task& task) const;

  [[nodiscard]] std::vector<target_thread> threads() const;
  /// Tasks that the registries had no memory for.
  [[nodiscard]] std::uint64_t lost() const;
  struct ends {
    std::uint64_t ended = 0, failed = 0, cancelled = 0;
  };
  /// Records that have ever been taken, for tasks most of them. Reads no more than a word a registry.
  [[nodiscard]] std::uint64_t records_used() const;
  /// Tasks that have ended.
  [[nodiscard]] ends count_ends() const;
  /// Those that ended by an exception last, the newest first.
  [[nodiscard]] std::vector<detail::failure_copy> failures() const;
  /// The newest tick that any record or root has: in a core, the time of death at the earliest. 0: none.
  [[nodiscard]] std::uint64_t newest_tick();
  /// Where the records lay that the last walk() or each_record() read.
  [[nodiscard]] std::vector<range> slabs() const;
  /// Some part of a registry could not be read, or cannot be as it says: slabs that overlap, more records than the
  /// process has memory for, chains of records longer than all records.
  [[nodiscard]] bool incomplete() const noexcept { return incomplete_; }

 private:
  enum class taken { whole, no_task, torn };
  struct slab {
    std::uint64_t address;
    std::size_t records;
  };

  void find_slabs();
  [[nodiscard]] std::uint64_t record_count() const noexcept;
  void add_slabs(std::uint64_t registry, std::set<std::uint64_t>& places);
  void limit_slabs();
  [[nodiscard]] bool may_read() const;
  template <class Visit>
  void each_slot(const Visit& visit) const;
  void read_slab(const slab& at, const detail::task_filter& filter, std::uint64_t now, const visitor& visit,
                 detail::walk_counts& counts);
  [[nodiscard]] taken read_again(std::uint64_t address);
  [[nodiscard]] bool take_steady(const unsigned char* before, const unsigned char* bytes);
  [[nodiscard]] bool take_fields(const unsigned char* bytes, std::uint64_t word);
  [[nodiscard]] bool take_overflow(std::uint64_t first);
  [[nodiscard]] bool take_members();

  const memory& memory_;
  std::vector<std::uint64_t> registries_;
  std::uint64_t root_tick_ = 0;
  std::vector<slab> slabs_;
  std::vector<unsigned char> words_, records_, words_again_;
  target_task task_{};
  /// Records that are still read one by one: a registry whose records lead in circles comes to an end.
  mutable std::uint64_t reads_left_ = 0;
  mutable bool incomplete_ = false;
  bool left_ = false;
};

}  // namespace tasks::cli

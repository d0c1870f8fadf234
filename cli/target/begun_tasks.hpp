#pragma once

/// Which tasks there had been at some moment, by their ids: one that has begun since may have the record, and its
/// frames the addresses, of one that has ended.
///
///   registry ──> ids handed out to threads ──┐
///   slots ────> of which each has not used ──┴──> look(): those below, and not among these, have begun
///
/// No id is used twice, and a task keeps its record from its begin to its end.

#include <chrono>
#include <cstdint>
#include <deque>
#include <vector>

#include "linux/memory.hpp"
#include "target/roots.hpp"

namespace tasks::cli {

class begun_tasks {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// `bytes` must outlive it.
  begun_tasks(const memory& bytes, const std::vector<root_copy>& roots);

  void look();
  /// Had it begun at that moment, for all that the last look before it tells? One that had not long begun need not be
  /// known yet.
  [[nodiscard]] bool had_begun(std::uint64_t id, time_point when) const;

 private:
  struct ids {
    std::uint64_t begin, end;
  };
  struct look_taken {
    time_point at;                          ///< when it was over
    std::vector<std::uint64_t> handed_out;  ///< of each registry, those below
    std::vector<ids> unused;
  };

  const memory& bytes_;
  std::vector<std::uint64_t> registries_;
  std::deque<look_taken> looks_;  ///< newest first
  std::vector<unsigned char> slots_;
};

}  // namespace tasks::cli

#pragma once

/// What changed between two snapshots of one process, or between those of two.
///
///   earlier ──tasks──> by stack, spawn site and wait ──┐
///   later   ──tasks──> likewise ───────────────────────┴──> came, went, stayed (the same task in the same wait)

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sources/snapshot_source.hpp"
#include "surveys/resolver.hpp"

namespace tasks::cli {

/// Tasks that read alike: a stack, a spawn site, a state and what they wait for.
struct changed_group {
  v1::Group group;  ///< as it is later, or as it was where it has vanished; names those first that came
  resolved meaning;
  std::uint64_t before = 0, after = 0;
  /// Of two snapshots of one process: tasks of `after` that were not in this wait, of `before` that are not any more,
  /// and of both. Where it is not the same process they are not told apart: what is more came, what is fewer went.
  std::uint64_t came = 0, went = 0, stayed = 0;

  [[nodiscard]] bool is_new() const noexcept { return before == 0; }
  [[nodiscard]] bool has_vanished() const noexcept { return after == 0; }
  [[nodiscard]] std::int64_t growth() const noexcept {
    return static_cast<std::int64_t>(after) - static_cast<std::int64_t>(before);
  }
};

/// A channel with more tasks that wait on it than before.
struct filled_channel {
  std::uint64_t address = 0;
  std::optional<std::uint64_t> capacity;  ///< in messages
  std::uint64_t senders_before = 0, senders = 0;
  std::uint64_t receivers_before = 0, receivers = 0;
};

/// A task that has run all the while without an await.
struct stalled_since {
  std::uint64_t task = 0;
  std::uint32_t thread = 0;  ///< as the target calls it
  std::uint64_t age_ms = 0;
};

/// A socket in whose queues more waits than before.
struct grown_queue {
  std::uint32_t fd = 0;
  endpoint is;  ///< later
  endpoint::queues before;
};

struct difference {
  bool same_process = false;
  double seconds = 0;                                                   ///< between the two
  std::uint64_t before = 0, after = 0, came = 0, went = 0, stayed = 0;  ///< tasks
  /// Those that changed: new ones first, then those that vanished, then the others, the most changed first.
  std::vector<changed_group> groups;
  std::size_t unchanged = 0;  ///< groups
  std::vector<filled_channel> channels;
  std::vector<stalled_since> stalled;
  std::vector<grown_queue> queues;
  std::uint32_t resolution_ms = 0;
};

/// What is kept of the earlier snapshot until the later one is there.
class difference_survey {
 public:
  difference_survey();
  difference_survey(const difference_survey&) = delete;
  difference_survey& operator=(const difference_survey&) = delete;
  ~difference_survey();

  result<void> read_earlier(snapshot_source& source);
  /// `names` resolves the difference's frames and must outlive them; those of groups that have vanished belong to this.
  result<difference> compare(snapshot_source& later, resolver& names, double seconds, bool same_process);

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace tasks::cli

#pragma once

/// How long tasks run without a wait, and how long they are ready before they do: timed by the agent while it is asked
/// to.

#include <chrono>
#include <cstdint>
#include <string>

#include "sources/snapshot_source.hpp"
#include "tasks/v1/agent.pb.h"

namespace tasks::cli {

/// What an agent is asked for at once, and again before that is over: should we end, it times nothing for longer.
inline constexpr std::chrono::seconds timing_lease{5};

/// Has runs timed for so long. They are timed still when it returns.
[[nodiscard]] result<void> time_runs_for(snapshot_source& source, std::chrono::milliseconds interval);

/// A source whose tasks and groups come with their times, when all of them have come: then it is known how long was
/// timed.
class timed_source final : public snapshot_source {
 public:
  /// Must outlive it; its runs are timed.
  explicit timed_source(snapshot_source& from) : from_(from) {}

  [[nodiscard]] pid_t pid() const override { return from_.pid(); }
  [[nodiscard]] target* from() const override { return from_.from(); }
  [[nodiscard]] const v1::RecordedFacts* recorded() const override { return from_.recorded(); }
  [[nodiscard]] std::string description() const override { return from_.description(); }
  result<v1::Vitals> vitals(bool counts_only, const chunk_visitor& visit) override {
    return from_.vitals(counts_only, visit);
  }
  result<v1::Trailer> stacks(const v1::StacksRequest& query, const chunk_visitor& visit) override;
  result<v1::TimingState> time_runs(std::chrono::milliseconds lease) override { return from_.time_runs(lease); }
  /// Of the last answer, from its first part on.
  [[nodiscard]] const v1::TimingState& state() const noexcept { return state_; }

 private:
  snapshot_source& from_;
  v1::TimingState state_;
};

/// Nanoseconds: of runs that are over, and of the one that is not.
[[nodiscard]] std::uint64_t busy_ns(const v1::Timing& of);
/// The one that is not over too.
[[nodiscard]] std::uint64_t longest_run_ns(const v1::Timing& of);
/// Adds what others took.
void add_timing(v1::Timing& to, const v1::Timing& from);
/// What a share of durations took at most, in nanoseconds: as exactly as its histogram says. 0: there are none.
[[nodiscard]] std::uint64_t quantile_ns(const v1::Durations& of, double share);
/// What a bucket's durations took less than, in nanoseconds. 0: the last one's, which have no such bound.
[[nodiscard]] std::uint64_t bucket_limit_ns(std::size_t bucket);

}  // namespace tasks::cli

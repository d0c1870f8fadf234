#pragma once

/// A source of which a view sees the tasks that were asked for, and in the order that was.

#include <string>
#include <vector>

#include "sources/snapshot_source.hpp"
#include "surveys/selection.hpp"

namespace tasks::cli {

enum class task_order { by_id, by_age, by_busy };

/// An agent is asked for what it can tell; the rest is told here, by what tasks read as.
class filtered_source final : public snapshot_source {
 public:
  /// All must outlive it. `names`: how functions are to be named, which a pattern is held against.
  filtered_source(snapshot_source& from, const selection& asked, resolver_options names,
                  task_order order = task_order::by_id)
      : from_(from), asked_(asked), options_(names), order_(order) {}

  [[nodiscard]] pid_t pid() const override { return from_.pid(); }
  [[nodiscard]] target* from() const override { return from_.from(); }
  [[nodiscard]] const v1::RecordedFacts* recorded() const override { return from_.recorded(); }
  [[nodiscard]] std::string description() const override { return from_.description(); }
  result<v1::Vitals> vitals(bool counts_only, const chunk_visitor& visit) override {
    return from_.vitals(counts_only, visit);
  }
  /// A query for groups only where a selection is_of_groups().
  result<v1::Trailer> stacks(const v1::StacksRequest& query, const chunk_visitor& visit) override;
  result<v1::TimingState> time_runs(std::chrono::milliseconds lease) override { return from_.time_runs(lease); }

 private:
  [[nodiscard]] v1::StacksRequest narrowed(v1::StacksRequest query) const;

  snapshot_source& from_;
  const selection& asked_;
  resolver_options options_;
  task_order order_;
};

}  // namespace tasks::cli

#pragma once

/// Where a snapshot comes from. Every view renders the messages of tasks/v1/agent.proto and cannot tell which source
/// sent them.

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/error.hpp"
#include "target/target.hpp"
#include "tasks/v1/agent.pb.h"
#include "tasks/v1/recording.pb.h"

namespace tasks::cli {

/// Gets the parts of one answer as they come; locations before what names them.
/// What it returns says whether to go on.
using chunk_visitor = std::function<bool(const v1::Chunk&)>;

/// Gets what a user should know beside an answer, a line each.
using teller = std::function<void(const std::string&)>;

class snapshot_source {
 public:
  virtual ~snapshot_source() = default;

  /// The target, in our pid namespace.
  [[nodiscard]] virtual pid_t pid() const = 0;
  /// For whoever needs its memory, threads or code. Null: there is no more than the snapshot.
  [[nodiscard]] virtual target* from() const = 0;
  /// What was found out of a target that there is no more than a recording of; null: it is there, see from().
  [[nodiscard]] virtual const v1::RecordedFacts* recorded() const { return nullptr; }
  /// What is read, in a line: "agent at /run/user/1000/tasks/4131".
  [[nodiscard]] virtual std::string description() const = 0;

  /// The vital signs; then `visit` gets the groups of tasks that are blocked on channels, unless `counts_only`.
  virtual result<v1::Vitals> vitals(bool counts_only, const chunk_visitor& visit) = 0;
  /// Tasks, or groups of tasks where the query says so, streamed. A visitor that stops gets an empty trailer back.
  virtual result<v1::Trailer> stacks(const v1::StacksRequest& query, const chunk_visitor& visit) = 0;
  /// Has runs timed from now on, if they are not yet, for so long at least; a query may ask for `timing` then. 0: this
  /// reader no longer wants it. Only
  /// what runs in the target can do that.
  virtual result<v1::TimingState> time_runs(std::chrono::milliseconds lease);
};

}  // namespace tasks::cli

#pragma once

/// Whether a target is as it should be, for monitoring: limits that a user sets, and what views would name as wrong.
///
///   vitals, findings ──┐
///   oldest waits ──────┼──> problems {warning, critical}, measurements
///   leaks ─────────────┘

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "sources/snapshot_source.hpp"
#include "tasks/v1/view.pb.h"

namespace tasks::cli {

using severity = v1::CheckView::State;

/// What is more than this is a problem; nothing: however much it is.
struct limit {
  double warning = 0;
  std::optional<double> critical;
};

struct wait_limit {
  v1::Wait::Kind kind = v1::Wait::KIND_UNSPECIFIED;
  limit seconds;
};

struct check_limits {
  std::optional<limit> tasks, blocked;
  std::optional<limit> growth;  ///< of tasks, a minute
  std::vector<wait_limit> waits;
  std::chrono::milliseconds stalled_after{1000};
  bool leaks = false;
};

/// As perfdata of the Monitoring Plugins Development Guidelines has it.
struct measurement {
  std::string name;
  double value = 0;
  std::string unit = {};  ///< "s"; empty: a count
  std::optional<limit> most = {};
};

struct problem {
  severity how;
  std::string what;  ///< the rest of a sentence about the process
};

struct process_check {
  std::vector<problem> problems;  ///< the worst first
  std::vector<measurement> measured;
  std::uint64_t tasks = 0, blocked = 0;
};

/// How bad it is, of the worst of them: critical, then warning, then unknown.
[[nodiscard]] bool is_worse(severity one, severity other);

/// `growth`: of its tasks, a minute; nothing: not measured, which is a problem where there is a limit for it.
[[nodiscard]] result<process_check> check_process(snapshot_source& source, const check_limits& limits,
                                                  std::optional<double> growth);

}  // namespace tasks::cli

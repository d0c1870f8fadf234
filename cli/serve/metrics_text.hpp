#pragma once

/// Metrics as Prometheus reads them: text format 0.0.4 and OpenMetrics 1.0.0.
///
///   host_metrics ──> # HELP …, # TYPE …, tasks_tasks{pid="4131",process="lab",state="blocked"} 19
///
/// Sources: https://prometheus.io/docs/instrumenting/exposition_formats (0.0.4),
/// https://github.com/OpenObservability/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md

#include <fmt/format.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "serve/host_metrics.hpp"

namespace tasks::cli {

enum class metrics_format { prometheus, open_metrics };

/// What Content-Type says of it.
[[nodiscard]] std::string_view content_type_of(metrics_format format);
/// The one that an Accept header asks for: OpenMetrics where it is named and not refused (q=0), else Prometheus's.
[[nodiscard]] metrics_format format_accepted_by(std::string_view accept);

struct metrics_options {
  metrics_format format = metrics_format::prometheus;
  /// Stacks of a process that have a series each; the others are one.
  std::size_t top_stacks = 20;
};

/// Each label's value is UTF-8 of at most 200 bytes, without control characters; no series is told twice.
void write_metrics(fmt::memory_buffer& out, const host_metrics& seen, const metrics_options& options = {});

}  // namespace tasks::cli

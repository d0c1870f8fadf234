#pragma once

/// /debug/pprof/, as Go's net/http/pprof has it.

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string_view>

#include "base/error.hpp"
#include "serve/host_metrics.hpp"
#include "serve/http.hpp"
#include "serve/viewer.hpp"

namespace tasks::cli {

class profile_answers {
 public:
  /// `check` fails where a process is not to be looked at. All of it outlives this.
  profile_answers(metrics_collector& counts, viewer& views, std::chrono::milliseconds max_age,
                  std::function<result<void>(pid_t)> check)
      : counts_(counts), views_(views), max_age_(max_age), check_(std::move(check)) {}

  /// `what`: of the path, what is behind /debug/pprof/. For any number of threads at once.
  [[nodiscard]] http_answer answer(const http_request& request, std::string_view what);

 private:
  [[nodiscard]] http_answer index();
  [[nodiscard]] http_answer of_tasks(const http_request& request, std::optional<pid_t> pid);
  [[nodiscard]] http_answer of_cpu(const http_request& request, pid_t pid);
  /// Of the request's `pid`; without one the only process that there is. Nothing: the only one of a recording.
  [[nodiscard]] result<std::optional<pid_t>> process_of(const http_request& request);

  metrics_collector& counts_;
  viewer& views_;
  std::chrono::milliseconds max_age_;
  std::function<result<void>(pid_t)> check_;
  std::mutex mutex_;
  std::set<pid_t> profiled_;  ///< whose CPU time is being sampled
};

}  // namespace tasks::cli

#pragma once

/// What is answered to which path. Everything is asked by GET, and changes nothing; but for recordings, which are
/// brought by POST /api/v1/replays. See README.md.
///
///   request ──access──> path ──┬── page, /metrics, /api/v1/…, /debug/pprof/…
///                              └── metrics_collector (totals, groups), viewer (views), history

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/pattern.hpp"
#include "serve/access.hpp"
#include "serve/host_metrics.hpp"
#include "serve/http.hpp"
#include "serve/live.hpp"
#include "serve/look_turns.hpp"
#include "serve/page_files.hpp"
#include "serve/profiles.hpp"
#include "serve/serve.hpp"
#include "serve/shared_look.hpp"
#include "serve/viewer.hpp"
#include "surveys/process_search.hpp"

namespace tasks::cli {

class host_server {
 public:
  /// Fails where a name of `settings.processes` is no regular expression.
  static result<std::unique_ptr<host_server>> make(const serve_settings& settings, access_rules rules);

  /// For any number of threads at once.
  [[nodiscard]] http_answer answer(const http_request& request);
  /// Has totals kept; to be called every history::interval.
  void sample();

 private:
  host_server(const serve_settings& settings, access_rules rules, std::vector<pattern> chosen);

  [[nodiscard]] http_answer route(const http_request& request);
  [[nodiscard]] http_answer page(const http_request& request) const;
  [[nodiscard]] http_answer metrics(const http_request& request);
  [[nodiscard]] http_answer api(const http_request& request, std::string_view path);
  [[nodiscard]] http_answer processes(const http_request& request);
  [[nodiscard]] http_answer process_api(const http_request& request, pid_t pid, std::string_view what);
  [[nodiscard]] http_answer replays(const http_request& request);
  [[nodiscard]] http_answer view(const http_request& request, pid_t pid, const offered_view& offered);
  [[nodiscard]] http_answer recording(pid_t pid);
  [[nodiscard]] http_answer list_events(const http_request& request);
  [[nodiscard]] http_answer process_events(const http_request& request, pid_t pid);

  [[nodiscard]] bool is_chosen(const std::string& name) const;
  /// Fails where it does not live, or was not chosen.
  [[nodiscard]] result<void> check(pid_t pid) const;
  [[nodiscard]] v1::ListView list();
  void keep_leaks(pid_t pid, const std::string& json);

  serve_settings settings_;
  access_rules rules_;
  std::vector<pattern> chosen_;
  look_turns turns_;
  viewer views_;
  metrics_collector collector_;
  profile_answers profiles_;
  history history_;
  process_search search_;  ///< of `list_`
  shared_look<std::shared_ptr<const std::string>> list_;
};

}  // namespace tasks::cli

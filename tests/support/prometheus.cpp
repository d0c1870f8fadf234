#include "support/prometheus.hpp"

#include <signal.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace tasks::testing {

bool has_prometheus() { return !std::string(TASKS_TEST_PROMETHEUS).empty() && !promtool_path().empty(); }
std::string promtool_path() { return TASKS_TEST_PROMTOOL; }

prometheus::prometheus(const std::vector<scraped>& what) {
  char name[] = "/tmp/tasks-prometheus-XXXXXX";
  if (::mkdtemp(name) == nullptr) throw std::runtime_error("no folder for Prometheus");
  folder_ = name;
  {
    std::ofstream config(folder_ + "/prometheus.yml");
    config << "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n";
    for (const auto& each : what)
      config << "  - {job_name: '" << each.job << "', metrics_path: '" << each.path
             << "', static_configs: [{targets: ['" << each.address << "']}]}\n";
  }
  server_ = std::make_unique<program>(
      program::unready{},
      std::vector<std::string>{"sh", "-c",
                               R"(exec "$1" --config.file="$2/prometheus.yml" --storage.tsdb.path="$2/data" )"
                               R"(--web.listen-address=127.0.0.1:0 2>&1)",
                               "prometheus", TASKS_TEST_PROMETHEUS, folder_});
  const std::string mark = "msg=\"Listening on\" address=";
  for (;;) {
    const auto line = server_->read_line();
    const auto at = line.find(mark);
    if (at == std::string::npos) continue;
    url_ = "http://" + line.substr(at + mark.size());
    break;
  }
  // It listens some time before it answers.
  wait_until("vector(1)", "=> 1");
}

prometheus::~prometheus() {
  server_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string prometheus::query(const std::string& expression) const {
  return run({promtool_path(), "query", "instant", url_, expression}).out;
}

std::string prometheus::wait_until(const std::string& expression, const std::string& shows) const {
  const auto deadline = std::chrono::steady_clock::now() + guard;
  for (;;) {
    auto answer = query(expression);
    if (answer.find(shows) != std::string::npos) return answer;
    if (std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error(expression + " does not show " + shows + ", but " + answer);
  }
}

}  // namespace tasks::testing

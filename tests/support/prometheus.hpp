#pragma once

/// The real Prometheus, which scrapes what a test serves, and is queried.
///
///   prometheus server({{"tasks", "127.0.0.1:9464", "/metrics"}});
///   server.wait_until("tasks_up", "=> 1");
///   server.query("sum(tasks_tasks)")

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "support/program.hpp"

namespace tasks::testing {

/// Is it installed, with promtool?
[[nodiscard]] bool has_prometheus();
/// Path of promtool; empty: there is none.
[[nodiscard]] std::string promtool_path();

/// What it scrapes, once a second.
struct scraped {
  std::string job;
  std::string address;  ///< "127.0.0.1:9464"
  std::string path = "/metrics";
};

class prometheus {
 public:
  /// Returns when it answers queries. Its port is one that the kernel has chosen, its data in a folder that goes with
  /// it. Throws std::runtime_error where it does not start before the guard.
  explicit prometheus(const std::vector<scraped>& what);
  ~prometheus();
  prometheus(const prometheus&) = delete;
  prometheus& operator=(const prometheus&) = delete;

  /// What `promtool query instant` prints: a line a series, "{…} => 1 @[…]".
  [[nodiscard]] std::string query(const std::string& expression) const;
  /// Throws std::runtime_error at the guard.
  std::string wait_until(const std::string& expression, const std::string& shows) const;

 private:
  std::string folder_;
  std::unique_ptr<program> server_;
  std::string url_;
};

}  // namespace tasks::testing

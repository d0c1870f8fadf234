#pragma once

/// `tasks serve`: what the processes of this host do, told over HTTP.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "serve/kept_looks.hpp"

namespace tasks::cli {

struct offered_option {
  std::string name;   ///< "group", without its dashes
  std::string value;  ///< "AGE"; empty: a flag
  std::string help;
  bool repeats = false;
};

/// A view that is asked for by its name.
struct offered_view {
  std::string name, help;
  std::string word;  ///< "task", where the command has a word that is a task's number
  std::vector<offered_option> options;
  look_depth depth = look_depth::tasks;
};

struct serve_settings {
  std::string listen = "127.0.0.1:9464";
  std::vector<std::string> processes;  ///< names, or regular expressions of names; empty: all
  std::optional<std::string> token_file;
  std::vector<std::string> names;  ///< of this host, that a request may have asked it by
  std::chrono::milliseconds max_age{1000}, timeout{2000};
  std::vector<offered_view> views;
};

/// Until SIGINT or SIGTERM. Fails where it cannot begin.
[[nodiscard]] result<int> serve_this_host(const serve_settings& settings);

}  // namespace tasks::cli

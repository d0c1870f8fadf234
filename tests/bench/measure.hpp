#pragma once

/// What a command takes, and what it does to the program that it looks at.

#include <string>
#include <vector>

#include "support/program.hpp"

namespace tasks::bench {

struct measured {
  double ms = 0;  ///< from its start to its end
  long rss_kib = 0;
};

/// Runs a command with what it says to `output`. std::runtime_error: it cannot be started, or fails.
[[nodiscard]] measured measure(const std::vector<std::string>& command, const std::string& output = "/dev/null");
/// The median of `times` runs.
[[nodiscard]] measured median(const std::vector<std::string>& command, int times);

/// Of a target, since it was asked before: see scale_target.cpp.
struct target_state {
  long rss_kib = 0, gap_us = 0;
};
[[nodiscard]] target_state ask(testing::program& target);

}  // namespace tasks::bench

#pragma once

/// Which cores are stored, and which of them hold tasks.

#include <chrono>
#include <string>
#include <vector>

#include "target/core_glance.hpp"
#include "target/core_store.hpp"

namespace tasks::cli {

struct surveyed_core {
  stored_core core;
  core_glance glance;
};

struct surveyed_cores {
  std::string folder;
  std::vector<surveyed_core> cores;  ///< the newest first
  bool complete = true;              ///< false: time was up before each was looked into
};

/// In so much time at most, but for what one core's first MiB take.
[[nodiscard]] surveyed_cores survey_cores(std::chrono::milliseconds time);

/// What becomes of a core here, in words: "the kernel writes cores to the working directory of the program, as core";
/// from /proc/sys/kernel/core_pattern.
[[nodiscard]] std::string where_cores_go();

}  // namespace tasks::cli

#include "surveys/cores.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/text.hpp"
#include "linux/proc.hpp"

namespace tasks::cli {

surveyed_cores survey_cores(std::chrono::milliseconds time) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  surveyed_cores found{core_folder(), {}, true};
  for (auto& core : stored_cores(deadline)) {
    auto glance = glance_at(core, deadline);
    found.complete = found.complete && glance.reason != "time is up";
    found.cores.push_back({std::move(core), std::move(glance)});
  }
  return found;
}

std::string where_cores_go() {
  auto pattern = read_file("/proc/sys/kernel/core_pattern").value_or("");
  pattern = clean(pattern.substr(0, pattern.find('\n')));
  if (pattern.find("systemd-coredump") != pattern.npos) return "systemd-coredump stores cores here";
  if (pattern.starts_with('|'))
    return fmt::format("the kernel hands cores to {}", pattern.substr(1, pattern.find(' ')));
  if (pattern.find('/') != pattern.npos) return fmt::format("the kernel writes cores as {}", pattern);
  return fmt::format("the kernel writes cores to the working directory of the program, as {}", pattern);
}

}  // namespace tasks::cli

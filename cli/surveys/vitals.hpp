#pragma once

/// The vital signs of a target, and what is wrong with them.

#include <string>
#include <vector>

#include "tasks/v1/agent.pb.h"

namespace tasks::cli {

/// What is wrong at a glance, a sentence each.
[[nodiscard]] std::vector<std::string> findings_of(const v1::Vitals& vitals);

}  // namespace tasks::cli

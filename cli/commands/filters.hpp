#pragma once

/// Which tasks a command is about.

#include <vector>

#include "commands/options.hpp"
#include "tasks/v1/agent.pb.h"

namespace tasks::cli {

struct filter_options {
  v1::StacksRequest query;
};

/// --group, --task, --state, --kind, --older-than and --limit.
[[nodiscard]] std::vector<option_of<filter_options>> filters();

}  // namespace tasks::cli

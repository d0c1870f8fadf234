#pragma once

#include "commands/command.hpp"
#include "tasks/v1/agent.pb.h"

namespace tasks::cli {

/// The filters of a command line as a request; every word that makes no sense is a usage error.
[[nodiscard]] result<v1::StacksRequest> make_query(const arguments& args);

}  // namespace tasks::cli

#pragma once

/// Operations that pend in a target, as a message of a recording, and back.

#include "surveys/operations.hpp"
#include "tasks/v1/recording.pb.h"

namespace tasks::cli {

[[nodiscard]] v1::RecordedOperations to_message(const operation_survey& from);
/// Operations of a context that is not there are left out.
[[nodiscard]] operation_survey from_message(const v1::RecordedOperations& from);

}  // namespace tasks::cli

#pragma once

/// Text and message of `tasks vitals`.

#include <fmt/format.h>

#include "surveys/vitals.hpp"
#include "tasks/v1/view.pb.h"
#include "views/text.hpp"

namespace tasks::cli {

/// `details`: states, memory, CPU time and uptime too.
void render_vitals(fmt::memory_buffer& out, const vitals_survey& survey, bool details, const render_context& context);
void fill_view(const vitals_survey& survey, v1::VitalsView& view);

}  // namespace tasks::cli

#pragma once

/// Text and message of `tasks doctor`.

#include <fmt/format.h>

#include "surveys/doctor.hpp"
#include "tasks/v1/view.pb.h"
#include "views/text.hpp"

namespace tasks::cli {

void render_health(fmt::memory_buffer& out, const surveyed_health& found, const render_context& context);
void fill_view(const surveyed_health& found, v1::DoctorView& view);

}  // namespace tasks::cli

#pragma once

/// Text and message of `tasks leaks`.

#include <fmt/format.h>

#include "surveys/leaks.hpp"
#include "tasks/v1/view.pb.h"
#include "views/text.hpp"

namespace tasks::cli {

void render_leaks(fmt::memory_buffer& out, const leak_survey& survey, const render_context& context);
void fill_view(const leak_survey& survey, v1::LeaksView& view);

}  // namespace tasks::cli

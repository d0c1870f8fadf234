#pragma once

/// Text and message of `tasks requests`.

#include <fmt/format.h>

#include "surveys/requests.hpp"
#include "tasks/v1/view.pb.h"
#include "views/text.hpp"

namespace tasks::cli {

void render_requests(fmt::memory_buffer& out, const request_survey& survey, const render_context& context);
void fill_view(const request_survey& survey, v1::RequestsView& view);

}  // namespace tasks::cli

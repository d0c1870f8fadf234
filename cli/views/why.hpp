#pragma once

/// Text and message of `tasks why`.

#include <fmt/format.h>

#include <string>
#include <vector>

#include "surveys/why.hpp"
#include "tasks/v1/view.pb.h"
#include "views/text.hpp"

namespace tasks::cli {

/// What the task waits for, a sentence each.
[[nodiscard]] std::vector<std::string> wait_sentences(const why_survey& survey, const render_context& context);
void render_why(fmt::memory_buffer& out, const why_survey& survey, const render_context& context);
void fill_view(const why_survey& survey, const render_context& context, v1::WhyView& view);

}  // namespace tasks::cli

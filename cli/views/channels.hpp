#pragma once

/// Text and message of `tasks channels`: pure functions, as in render.hpp and views.hpp.

#include <fmt/format.h>

#include "surveys/channels.hpp"
#include "views/render.hpp"

namespace tasks::cli {

void render_channels(fmt::memory_buffer& out, const channel_survey& survey, const render_context& context);
void fill_view(const channel_survey& survey, v1::ChannelsView& view);

}  // namespace tasks::cli

#pragma once

/// Text and message of `tasks channels`.

#include <fmt/format.h>

#include "surveys/channels.hpp"
#include "tasks/v1/view.pb.h"
#include "views/text.hpp"

namespace tasks::cli {

void render_channels(fmt::memory_buffer& out, const channel_survey& survey, const render_context& context);
void fill_view(const channel_survey& survey, v1::ChannelsView& view);

}  // namespace tasks::cli

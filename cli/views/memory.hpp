#pragma once

/// Text and message of `tasks memory`.

#include <fmt/format.h>

#include "surveys/memory.hpp"
#include "tasks/v1/view.pb.h"
#include "views/text.hpp"

namespace tasks::cli {

void render_memory(fmt::memory_buffer& out, const memory_survey& survey, const render_context& context);
void fill_view(const memory_survey& survey, v1::MemoryView& view);

}  // namespace tasks::cli

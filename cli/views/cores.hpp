#pragma once

/// Text and message of `tasks list --cores`.

#include <fmt/format.h>

#include "surveys/cores.hpp"
#include "tasks/v1/view.pb.h"
#include "views/text.hpp"

namespace tasks::cli {

void render_cores(fmt::memory_buffer& out, const surveyed_cores& found, const render_context& context);
void fill_view(const surveyed_cores& found, v1::CoresView& view);

}  // namespace tasks::cli

#pragma once

/// Text of `tasks list`.

#include <fmt/format.h>

#include "tasks/v1/view.pb.h"
#include "views/text.hpp"

namespace tasks::cli {

void render_list(fmt::memory_buffer& out, const v1::ListView& view, const render_context& context);

}  // namespace tasks::cli

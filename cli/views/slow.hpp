#pragma once

/// Text and message of `tasks slow`.

#include <fmt/format.h>

#include <string>

#include "surveys/slow.hpp"
#include "tasks/v1/view.pb.h"
#include "views/text.hpp"

namespace tasks::cli {

/// `when`: "2026-01-31 12:30:05". The run's task is named by `names`.
void render_slow_run(fmt::memory_buffer& out, const slow_run& run, const std::string& when, resolver& names,
                     const render_context& context);
void fill_view(const slow_run& run, std::int64_t at_ns, resolver& names, v1::SlowRunView& view);

}  // namespace tasks::cli

#pragma once

/// Text and message of `tasks threads`.

#include <fmt/format.h>

#include "surveys/threads.hpp"
#include "tasks/v1/view.pb.h"
#include "views/text.hpp"

namespace tasks::cli {

struct thread_style {
  bool stacks = true;
  bool all_frames = false;
  bool verbose = false;
};
void render_threads(fmt::memory_buffer& out, const thread_survey& survey, const thread_style& style,
                    const render_context& context);
void fill_view(const thread_survey& survey, bool all_frames, v1::ThreadsView& view);

}  // namespace tasks::cli

#pragma once

/// Text and messages of threads and their stacks: pure functions, as in render.hpp and views.hpp.

#include <fmt/format.h>

#include "surveys/running_stacks.hpp"
#include "surveys/threads.hpp"
#include "target/native_stack.hpp"
#include "views/render.hpp"

namespace tasks::cli {

/// "function\n\tfile:line\n".
void render_native_frame(fmt::memory_buffer& out, const native_frame& frame);
void fill_view(const native_frame& frame, v1::NativeFrameView& view);
void fill_view(const stalled_worker& stalled, v1::StalledView& view);

struct thread_style {
  bool stacks = true;
  bool all_frames = false;
  bool verbose = false;
};
void render_threads(fmt::memory_buffer& out, const thread_survey& survey, const thread_style& what,
                    const render_context& context);
void fill_view(const thread_survey& survey, bool all_frames, v1::ThreadsView& view);

}  // namespace tasks::cli

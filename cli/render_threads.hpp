#pragma once

/// Text and messages of threads and their stacks: pure functions, as in render.hpp and views.hpp.

#include <fmt/format.h>

#include <span>

#include "native_stack.hpp"
#include "render.hpp"
#include "thread_survey.hpp"

namespace tasks::cli {

/// "function\n\tfile:line\n" each; without Asio's and the standard library's own, unless there are no others or
/// `all_frames` says so.
void render_native_frames(fmt::memory_buffer& out, std::span<const native_frame> frames, bool all_frames);
void fill_frames(std::span<const native_frame> frames, bool all_frames,
                 google::protobuf::RepeatedPtrField<v1::NativeFrameView>& to);
void fill_view(const native_frame& frame, v1::NativeFrameView& view);

struct thread_style {
  bool stacks = true;
  bool all_frames = false;
  bool verbose = false;
};
void render_threads(fmt::memory_buffer& out, const thread_survey& survey, const thread_style& what,
                    const render_context& context);
void fill_view(const thread_survey& survey, bool all_frames, v1::ThreadsView& view);

}  // namespace tasks::cli

#pragma once

/// Stacks: the frames of threads, and those of tasks, which await each other.

#include <fmt/format.h>

#include "surveys/resolver.hpp"
#include "target/native_stack.hpp"
#include "tasks/v1/view.pb.h"
#include "views/text.hpp"

namespace tasks::cli {

/// "function\n\tfile:line\n".
void render_native_frame(fmt::memory_buffer& out, const native_frame& frame);
void fill_view(const native_frame& frame, v1::NativeFrameView& view);

/// A task's frames, native ones first.
void render_frames(fmt::memory_buffer& out, const resolved& meaning, const text_style& style);
/// "spawned at run(const options&) lab.cpp:278\n", where that is known.
void render_spawn_site(fmt::memory_buffer& out, const resolved& meaning);

}  // namespace tasks::cli

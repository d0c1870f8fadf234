#pragma once

/// Text of every view: pure functions from what was read to what is printed. Writing is somebody else's task.

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/output.hpp"
#include "surveys/resolver.hpp"
#include "tasks/v1/agent.pb.h"
#include "tasks/v1/view.pb.h"

namespace tasks::cli {

/// What the text of one answer needs to know throughout.
struct render_context {
  text_style style;
  std::uint32_t resolution_ms = 1000;  ///< how old an age may be
  pid_t pid = 0;                       ///< for the commands that are suggested, …
  std::string core = {};               ///< … unless this file was read
};

/// "tasks why -p 4131 7"
[[nodiscard]] std::string why_line(std::uint64_t task, const render_context& context);
/// "tasks stack -p 4131 --task 7"
[[nodiscard]] std::string stack_line(std::uint64_t task, const render_context& context);

/// "channel receive, 3m12s", "socket read, 12s, fd 9 127.0.0.1:41822", "running on thread 77, 2s", "ready".
[[nodiscard]] std::string describe_state(const v1::Task& task, const resolved& what, const render_context& context);

void render_list(fmt::memory_buffer& out, const v1::ListView& view, const render_context& context);

/// A group of tasks that are blocked on channels, with the frame that names it: the outermost one that is shown.
struct channel_group {
  std::uint64_t count;
  v1::Wait::Kind kind;
  std::uint64_t oldest_ms;
  std::string function;
  std::string file;  ///< whole path
  unsigned line;
};
void render_vitals(fmt::memory_buffer& out, const v1::Vitals& vitals, const std::vector<channel_group>& groups,
                   const std::vector<std::string>& findings, bool details, const render_context& context);

/// One task's stack, and one group's; `first` ones have no empty line before them.
void render_task(fmt::memory_buffer& out, const v1::Task& task, const resolved& what, bool first,
                 const render_context& context);
void render_group(fmt::memory_buffer& out, const v1::Group& group, const resolved& what, bool first,
                  const render_context& context);
/// "channel send, oldest 3m12s", "socket read, 12s".
[[nodiscard]] std::string describe_state(const v1::Group& group, const resolved& what, const render_context& context);
/// Its frames, native ones first: "function\n\tfile:line\n" each; then where it was spawned.
void render_frames(fmt::memory_buffer& out, const resolved& what, const text_style& style);
/// Says what the answer left out; prints nothing when it is whole.
void render_trailer(fmt::memory_buffer& out, const v1::Trailer& trailer, bool grouped, const render_context& context);

/// A task's line in the tree, without the branches before it and without a line end.
void render_tree_task(fmt::memory_buffer& out, const v1::Task& task, const resolved& what,
                      const render_context& context);

}  // namespace tasks::cli

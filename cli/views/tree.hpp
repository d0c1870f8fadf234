#pragma once

/// Text and message of `tasks tree`.

#include <fmt/format.h>

#include "base/output.hpp"
#include "surveys/resolver.hpp"
#include "surveys/task_tree.hpp"
#include "tasks/v1/view.pb.h"
#include "views/text.hpp"

namespace tasks::cli {

/// A task's line, without what is drawn before it, and without a line end.
void render_tree_task(fmt::memory_buffer& out, const v1::Task& task, const resolved& meaning,
                      const render_context& context);

/// All of them; stops when nobody reads on.
void render_tree(output& out, const task_tree& tree, resolver& names, const render_context& context);
/// The document: `view` with its tasks, which nest.
void print_tree(output& out, const task_tree& tree, resolver& names, const v1::TreeView& view);

}  // namespace tasks::cli

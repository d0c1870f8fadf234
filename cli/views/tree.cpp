#include "views/tree.hpp"

#include <iterator>

#include "base/text.hpp"
#include "views/json.hpp"

namespace tasks::cli {

void render_tree_task(fmt::memory_buffer& out, const v1::Task& task, const resolved& what,
                      const render_context& context) {
  fmt::format_to(std::back_inserter(out), FMT_STRING("task {}"), task.id());
  append_annotations(out, task);
  if (!what.frames.empty()) {
    const auto& root = what.frames.back();
    append(out, "  ");
    if (root.not_instrumented) append(out, "<not instrumented> ");
    append(out, root.what->function.empty() ? std::string_view("<unknown>") : root.what->function);
    if (const auto where = place(*root.what); !where.empty()) append(out, "  " + where);
  }
  const bool on_tasks = task.state() == v1::Task::BLOCKED && task.wait().kind() == v1::Wait::TASKS;
  append(out, "  [");
  append(out, on_tasks ? std::string("blocked: tasks") : describe_state(task, what, context));
  append(out, "]");
  if (task.awaited()) append(out, "  awaited");
}

void render_tree(output& out, const task_tree& tree, resolver& names, const render_context& context) {
  resolved what;
  v1::Task task;
  tree.walk([&](const task_tree::step& step) {
    if (step.what != task_tree::step::enter) return true;
    append(out.text(), step.branches);
    tree.decode(step.node, task);
    names.resolve(task, what);
    render_tree_task(out.text(), task, what, context);
    if (step.in_cycle) append(out.text(), "  (cycle: its parent is one of its children)");
    append(out.text(), "\n");
    return out.flush_if_large();
  });
}

void print_tree(output& out, const task_tree& tree, resolver& names, const v1::TreeView& view) {
  json_stream stream(out, view, "roots");
  auto& json = stream.writer();
  resolved what;
  v1::Task task;
  v1::TaskView task_view;
  tree.walk([&](const task_tree::step& step) {
    if (step.what == task_tree::step::leave) {
      json.end_array();
      json.end_object();
      return out.flush_if_large();
    }
    tree.decode(step.node, task);
    names.resolve(task, what);
    task_view.Clear();
    fill_view(task, what, task_view);
    json.on_a_line();
    json.begin_object();
    json.key("task");
    json.message(task_view);
    json.key("children");
    json.begin_array();
    return out.flush_if_large();
  });
  stream.end(view);
}

}  // namespace tasks::cli

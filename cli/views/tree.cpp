#include "views/tree.hpp"

#include <iterator>

#include "base/text.hpp"
#include "views/json.hpp"

namespace tasks::cli {

namespace {

void append_frame(fmt::memory_buffer& out, const shown_frame& f) {
  if (f.not_instrumented) append(out, "<not instrumented> ");
  append(out, f.location->function.empty() ? std::string_view("<unknown>") : f.location->function);
  if (const auto where = place(*f.location); !where.empty()) append(out, "  " + where);
}

}  // namespace

void render_tree_task(fmt::memory_buffer& out, const v1::Task& task, const resolved& meaning,
                      const render_context& context) {
  fmt::format_to(std::back_inserter(out), FMT_STRING("task {}"), task.id());
  append_annotations(out, task);
  if (!meaning.frames.empty()) {
    append(out, "  ");
    append_frame(out, meaning.frames.back());
    // Of several the innermost too: where it stands.
    const auto& innermost = meaning.frames.front();
    if (meaning.frames.size() > 1 && !innermost.location->function.empty()) {
      const auto& f = *innermost.location;
      const bool same_file = f.file == meaning.frames.back().location->file && !f.file.empty();
      append(out, " › " + f.function + " " + (same_file ? fmt::format(":{}", f.line) : place(f)));
    }
  }
  if (meaning.awaited_at) {
    append(out, "  awaited at " + meaning.awaited_at->function);
    if (const auto where = place(*meaning.awaited_at); !where.empty()) append(out, " " + where);
  }
  const bool on_tasks = task.state() == v1::Task::BLOCKED && task.wait().kind() == v1::Wait::TASKS;
  append(out, "  [");
  append(out, on_tasks ? std::string("blocked: tasks") : describe_state(task, meaning, context));
  append(out, "]");
  if (meaning.awaited && !meaning.awaited_at) append(out, "  awaited");
}

void render_tree(output& out, const task_tree& tree, resolver& names, const render_context& context) {
  resolved meaning;
  v1::Task task;
  tree.walk([&](const task_tree::step& step) {
    if (step.is != task_tree::step::enter) return true;
    append(out.text(), step.branches);
    tree.decode(step.node, task);
    names.resolve(task, meaning);
    render_tree_task(out.text(), task, meaning, context);
    if (step.in_cycle) append(out.text(), "  (cycle: its parent is one of its children)");
    append(out.text(), "\n");
    return out.flush_if_large();
  });
}

void print_tree(output& out, const task_tree& tree, resolver& names, const v1::TreeView& view) {
  json_stream stream(out, view, "roots");
  auto& json = stream.writer();
  resolved meaning;
  v1::Task task;
  v1::TaskView task_view;
  tree.walk([&](const task_tree::step& step) {
    if (step.is == task_tree::step::leave) {
      json.end_array();
      json.end_object();
      return out.flush_if_large();
    }
    tree.decode(step.node, task);
    names.resolve(task, meaning);
    task_view.Clear();
    fill_view(task, meaning, task_view);
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

#include "base/json.hpp"
#include "commands/command.hpp"
#include "surveys/task_tree.hpp"
#include "views/json.hpp"
#include "views/render.hpp"

namespace tasks::cli {
namespace {

constexpr option options[] = {
    pid_option,    {"--all-frames", "", "Asio's own frames too", &arguments::all_frames},
    json_option,   timeout_option,
    direct_option, core_option,
    exe_option,
};

void append(output& out, std::string_view text) { out.text().append(text.data(), text.data() + text.size()); }

void print_text(const task_tree& tree, resolver& names, output& out, const render_context& context) {
  resolved what;
  v1::Task task;
  tree.walk([&](const task_tree::step& step) {
    if (step.what != task_tree::step::enter) return true;
    append(out, step.branches);
    tree.decode(step.node, task);
    names.resolve(task, what);
    render_tree_task(out.text(), task, what, context);
    if (step.in_cycle) append(out, "  (cycle: its parent is one of its children)");
    append(out, "\n");
    return out.flush_if_large();
  });
}

void print_nested(const task_tree& tree, resolver& names, output& out) {
  resolved what;
  v1::Task task;
  v1::TaskView view;
  bool first = true;
  tree.walk([&](const task_tree::step& step) {
    if (step.what == task_tree::step::leave) {
      append(out, "]}");
      first = false;
      return out.flush_if_large();
    }
    tree.decode(step.node, task);
    names.resolve(task, what);
    view.Clear();
    fill_view(task, what, view);
    append(out, first ? "\n{\"task\":" : ",\n{\"task\":");
    print_json(out.text(), view);
    append(out, ",\"children\":[");
    first = true;
    return out.flush_if_large();
  });
}

result<int> run(const arguments& args, output& out) {
  auto source = open_target(args);
  if (!source) return source.why();
  const pid_t pid = (*source)->pid();
  resolver names(**source, {.all_frames = args.all_frames, .spawn_sites = args.json});
  task_tree tree;
  const auto trailer = (*source)->stacks({}, [&](const v1::Chunk& chunk) {
    names.learn(chunk);
    for (const auto& task : chunk.tasks()) tree.add(task);
    return true;
  });
  if (!trailer) return trailer.why();
  tree.link();
  render_context context;
  context.pid = pid;
  context.style = out.style();
  context.resolution_ms = trailer->tick_resolution_ms();
  if (!args.json) {
    print_text(tree, names, out, context);
    render_trailer(out.text(), *trailer, false, context);
    return 0;
  }
  v1::TreeView view;
  view.set_schema_version(schema_version);
  view.set_pid(static_cast<std::uint32_t>(pid));
  view.set_total(trailer->total());
  view.set_shown(trailer->shown());
  view.set_complete(trailer->complete());
  // The tree's elements nest, so they are written between the document's two halves.
  json_stream json(out, view, "roots");
  print_nested(tree, names, out);
  json.end(view);
  return 0;
}

}  // namespace

const command tree_command = {"tree", "which task spawned which, and which one awaits them", "PID", options, run};

}  // namespace tasks::cli

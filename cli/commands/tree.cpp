#include "views/tree.hpp"
#include "commands/command.hpp"
#include "surveys/task_tree.hpp"
#include "views/json.hpp"
#include "views/stack.hpp"

namespace tasks::cli {
namespace {

constexpr option options[] = {
    pid_option,    {"--all-frames", "", "Asio's own frames too", &arguments::all_frames},
    json_option,   timeout_option,
    direct_option, core_option,
    exe_option,
};

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
    render_tree(out, tree, names, context);
    render_trailer(out.text(), *trailer, false);
    return 0;
  }
  v1::TreeView view;
  view.set_schema_version(schema_version);
  view.set_pid(static_cast<std::uint32_t>(pid));
  view.set_total(trailer->total());
  view.set_shown(trailer->shown());
  view.set_complete(trailer->complete());
  print_tree(out, tree, names, view);
  return 0;
}

}  // namespace

const command tree_command = {"tree", "which task spawned which, and which one awaits them", "PID", options, run};

}  // namespace tasks::cli

#include "views/tree.hpp"
#include "commands/command.hpp"
#include "commands/show.hpp"
#include "surveys/task_tree.hpp"
#include "views/json.hpp"
#include "views/stack.hpp"

namespace tasks::cli {
namespace {

result<int> run_tree(const tree_request& asked, output& out) {
  const auto source = open_target(asked);
  if (!source) return source.why();
  if (const auto shown = show_tree(**source, asked, out); !shown) return shown.why();
  return 0;
}

}  // namespace

result<void> show_tree(snapshot_source& source, const tree_request& asked, output& out) {
  resolver names(source, {.all_frames = asked.all_frames});
  if (auto* from = source.from()) names.set_due(asked.due ? *asked.due : find_due(*from));
  if (auto* from = source.from()) names.set_lookups(find_lookups(*from));
  if (auto* from = source.from()) names.set_busy(asked.busy ? *asked.busy : find_busy(*from));
  task_tree tree;
  const auto trailer = source.stacks({}, [&](const v1::Chunk& chunk) {
    names.learn(chunk);
    for (const auto& task : chunk.tasks()) tree.add(task);
    return true;
  });
  if (!trailer) return trailer.why();
  tree.link();
  if (!asked.json) {
    render_tree(out, tree, names, context_of(asked, source, out, trailer->tick_resolution_ms()));
    render_trailer(out.text(), *trailer, false);
    return {};
  }
  auto view = new_view<v1::TreeView>(source.pid());
  view.set_total(trailer->total());
  view.set_shown(trailer->shown());
  view.set_complete(trailer->complete());
  print_tree(out, tree, names, view);
  return {};
}

command tree_command() {
  return make_command<tree_request>("tree", "which task spawned which, and which one awaits them", {pid_word()},
                                    with_target<tree_request>({all_frames_option()}), run_tree);
}

}  // namespace tasks::cli

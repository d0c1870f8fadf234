#include "views/tree.hpp"
#include "base/text.hpp"
#include "commands/command.hpp"
#include "commands/show.hpp"
#include "surveys/group_keys.hpp"
#include "surveys/look.hpp"
#include "surveys/selection.hpp"
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

/// What is due or busy is like nothing else.
std::string key_in_tree(const v1::Task& task, const group_keys& keys, const resolver& names) {
  auto key = keys.of(task) + (task.awaited() ? 'a' : '-');
  if (names.due_of(task) != nullptr || names.busy_of(task) != nullptr) key += std::to_string(task.id());
  return key;
}

}  // namespace

result<void> show_tree(snapshot_source& source, const tree_request& asked, output& out) {
  resolver names(source, {.all_frames = asked.all_frames});
  names.set_due(asked.due ? *asked.due : look_for_due(source).due);
  names.set_lookups(look_for_lookups(source));
  names.set_busy(asked.busy ? *asked.busy : look_for_busy(source));
  task_tree tree;
  group_keys keys(names);
  selector chosen(names, asked.chosen);
  std::uint64_t matched = 0;
  auto trailer = source.stacks({}, [&](const v1::Chunk& chunk) {
    names.learn(chunk);
    keys.learn(chunk);
    for (const auto& task : chunk.tasks()) {
      const bool passes = asked.chosen.is_empty() || chosen.passes(task);
      if (passes) ++matched;
      tree.add(task, passes);
    }
    return true;
  });
  if (!trailer) return trailer.why();
  if (!asked.chosen.is_empty()) {
    trailer->set_matched(matched);
    trailer->set_shown(matched);
  }
  tree.link();
  if (!asked.json) {
    if (!asked.all) tree.fold([&](const v1::Task& task) { return key_in_tree(task, keys, names); });
    render_tree(out, tree, names, context_of(asked, source, out, trailer->tick_resolution_ms()));
    render_trailer(out.text(), *trailer, false);
    if (trailer->total() == 0)
      if (const auto missing = look_for_missing_hook(source)) append(out.text(), "! " + *missing + "\n");
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
  std::vector<option_of<tree_request>> options;
  for (const auto& each : filters()) options.push_back(each);
  options.push_back(flag("--all", "a line for each task, those too that read alike", &tree_request::all));
  options.push_back(let_run_option());
  options.push_back(all_frames_option());
  return make_command<tree_request>("tree", "which task spawned which, and which one awaits them", {pid_word()},
                                    with_watched_target<tree_request>(std::move(options)), watched<run_tree>);
}

}  // namespace tasks::cli

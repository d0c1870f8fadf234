#include "views/tree.hpp"

#include <algorithm>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "base/quantities.hpp"
#include "base/text.hpp"
#include "surveys/group_keys.hpp"
#include "views/json.hpp"

namespace tasks::cli {

namespace {

void append_frame(fmt::memory_buffer& out, const shown_frame& f) {
  if (f.not_instrumented) append(out, "<not instrumented> ");
  append(out, f.location->function.empty() ? std::string_view("<unknown>") : f.location->function);
  if (const auto where = place(*f.location); !where.empty()) append(out, "  " + where);
}

void append_frames(fmt::memory_buffer& out, const resolved& meaning) {
  if (meaning.frames.empty()) return;
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

void append_awaiter(fmt::memory_buffer& out, const resolved& meaning) {
  if (!meaning.awaited_at) return;
  append(out, "  awaited at " + meaning.awaited_at->function);
  if (const auto where = place(*meaning.awaited_at); !where.empty()) append(out, " " + where);
}

/// What all of them say of themselves alike.
v1::Task common_texts(std::span<const std::uint32_t> nodes, const task_tree& tree) {
  v1::Task task, common;
  for (const auto node : nodes) {
    tree.decode(node, task);
    if (node == nodes.front()) {
      common.set_name(task.name());
      *common.mutable_labels() = task.labels();
      continue;
    }
    if (common.name() != task.name()) common.clear_name();
    auto& labels = *common.mutable_labels();
    for (auto at = labels.begin(); at != labels.end();) {
      const auto its = task.labels().find(at->first);
      at = its == task.labels().end() || its->second != at->second ? labels.erase(at) : std::next(at);
    }
  }
  return common;
}

/// Tasks that read alike, as one group.
v1::Group group_of(std::span<const std::uint32_t> nodes, const task_tree& tree) {
  v1::Group group;
  v1::Task task;
  for (const auto node : nodes) {
    tree.decode(node, task);
    if (group.count() == 0) {
      group.set_state(task.state());
      if (task.has_wait()) group.mutable_wait()->set_kind(task.wait().kind());
      *group.mutable_frames() = task.frames();
      group.set_age_unknown(task.age_unknown());
    }
    group.set_count(group.count() + 1);
    group.set_oldest_ms(std::max(group.oldest_ms(), task.age_ms()));
    if (group.ids_size() < most_ids) group.add_ids(task.id());
  }
  return group;
}

/// "× 99,998 user=ann  session(tcp::socket)  server.cpp:41  [socket read, oldest 5m]  awaited  tasks 4, 9, 12, …"
void render_alike(fmt::memory_buffer& out, const v1::Group& group, const v1::Task& texts, const resolved& first,
                  const resolved& all, const render_context& context) {
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "× {}", in_thousands(group.count()));
  append_annotations(out, texts);
  append_frames(out, first);
  append_awaiter(out, first);
  const bool on_tasks = group.state() == v1::Task::BLOCKED && group.wait().kind() == v1::Wait::TASKS;
  fmt::format_to(to, "  [{}]", on_tasks ? std::string("blocked: tasks") : describe_state(group, all, context));
  if (first.awaited && !first.awaited_at) append(out, "  awaited");
  fmt::format_to(to, "  tasks {}, …", fmt::join(group.ids(), ", "));
}

}  // namespace

void render_tree_task(fmt::memory_buffer& out, const v1::Task& task, const resolved& meaning,
                      const render_context& context) {
  fmt::format_to(std::back_inserter(out), FMT_STRING("task {}"), task.id());
  append_annotations(out, task);
  append_frames(out, meaning);
  append_awaiter(out, meaning);
  const bool on_tasks = task.state() == v1::Task::BLOCKED && task.wait().kind() == v1::Wait::TASKS;
  append(out, "  [");
  append(out, on_tasks ? std::string("blocked: tasks") : describe_state(task, meaning, context));
  append(out, "]");
  if (meaning.awaited && !meaning.awaited_at) append(out, "  awaited");
}

void render_tree(output& out, const task_tree& tree, resolver& names, const render_context& context) {
  resolved meaning, of_all;
  v1::Task task;
  tree.walk([&](const task_tree::step& step) {
    if (step.is != task_tree::step::enter) return true;
    auto& to = out.text();
    append(to, step.branches);
    tree.decode(step.nodes.front(), task);
    names.resolve(task, meaning);
    const bool is_dim = context.style.color && !step.chosen;
    if (is_dim) append(to, dim);
    if (step.nodes.size() == 1) {
      render_tree_task(to, task, meaning, context);
    } else {
      const auto group = group_of(step.nodes, tree);
      names.resolve(group, of_all);
      render_alike(to, group, common_texts(step.nodes, tree), meaning, of_all, context);
    }
    if (step.in_cycle) append(to, "  (cycle: its parent is one of its children)");
    if (is_dim) append(to, plain);
    to.push_back('\n');
    return out.flush_if_large();
  });
}

void print_tree(output& out, const task_tree& tree, resolver& names, const v1::TreeView& view) {
  json_stream stream(out, view, "roots");
  auto& json = stream.writer();
  resolved meaning;
  v1::Task task;
  v1::TaskView task_view;
  std::vector<bool> above;  // of each that is entered and not left
  tree.walk([&](const task_tree::step& step) {
    if (step.is == task_tree::step::leave) {
      json.end_array();
      json.key("above");
      json.boolean(above.back());
      above.pop_back();
      json.end_object();
      return out.flush_if_large();
    }
    above.push_back(!step.chosen);
    tree.decode(step.nodes.front(), task);
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

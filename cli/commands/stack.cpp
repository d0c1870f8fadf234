#include <fmt/format.h>

#include "../command.hpp"
#include "../query.hpp"
#include "../render.hpp"
#include "../target.hpp"
#include "../views.hpp"
#include "../words.hpp"

namespace tasks::cli {
namespace {

constexpr option options[] = {
    pid_option,
    {"--group", "", "one stack for all tasks that share it, largest group first", &arguments::group},
    {"--task", "ID", "only this task; may be repeated", &arguments::ids},
    {"--state", "STATE", "only tasks in this state: running, blocked or ready", &arguments::states, state_words},
    {"--kind", "KIND", "only tasks that wait for this, such as channel-receive", &arguments::kinds, kind_words},
    {"--older-than", "AGE", "only tasks whose state has lasted longer, such as 30s or 5m", &arguments::older_than},
    {"--limit", "N", "at most so many tasks, or groups with --group", &arguments::limit},
    {"--all-frames", "", "Asio's own frames too", &arguments::all_frames},
    json_option,
    timeout_option,
    direct_option,
    core_option,
    exe_option,
};

/// Prints parts of an answer as they come.
class stack_printer {
 public:
  stack_printer(const arguments& args, output& out, const snapshot_source& source)
      : args_(args), out_(out), names_(source, {.all_frames = args.all_frames}) {
    header_.set_schema_version(schema_version);
    header_.set_pid(static_cast<std::uint32_t>(source.pid()));
    if (args.json) {
      json_.emplace(out, header_, args.group ? "groups" : "tasks");
    } else {
      context_.style = style_of_stdout();
      context_.pid = source.pid();
    }
  }

  bool part(const v1::Chunk& chunk) {
    names_.learn(chunk);
    for (const auto& task : chunk.tasks()) {
      names_.resolve(task, what_);
      if (json_) {
        task_view_.Clear();
        fill_view(task, what_, task_view_);
        json_->element(task_view_);
      } else {
        render_task(out_.text(), task, what_, first_, context_);
      }
      first_ = false;
      if (!out_.flush_if_large()) return false;
    }
    for (const auto& group : chunk.groups()) {
      names_.resolve(group, what_);
      if (json_) {
        group_view_.Clear();
        fill_view(group, what_, group_view_);
        json_->element(group_view_);
      } else {
        render_group(out_.text(), group, what_, first_, context_);
      }
      first_ = false;
      if (!out_.flush_if_large()) return false;
    }
    return true;
  }

  /// Null: the answer broke off; what was printed stays a whole document.
  void end(const v1::Trailer* trailer) {
    if (json_) {
      if (trailer) {
        header_.set_shown(trailer->shown());
        header_.set_total(trailer->total());
        header_.set_complete(trailer->complete());
      }
      json_->end(header_);
    } else if (trailer) {
      render_trailer(out_.text(), *trailer, args_.group, context_);
    }
  }

 private:
  const arguments& args_;
  output& out_;
  resolver names_;
  render_context context_;
  v1::StackView header_;
  std::optional<json_stream> json_;
  resolved what_;
  v1::TaskView task_view_;
  v1::GroupView group_view_;
  bool first_ = true;
};

result<int> run(const arguments& args, output& out) {
  const auto query = make_query(args);
  if (!query) return query.why();
  auto source = open_target(args);
  if (!source) return source.why();
  const pid_t pid = (*source)->pid();
  std::optional<stack_printer> printer;
  // Printing starts with the first part: an error before it leaves standard output empty.
  const auto start = [&]() -> stack_printer& { return printer ? *printer : printer.emplace(args, out, **source); };
  const auto trailer = (*source)->stacks(*query, [&](const v1::Chunk& chunk) { return start().part(chunk); });
  if (!trailer) {
    if (printer) printer->end(nullptr);
    return trailer.why();
  }
  if (!args.ids.empty() && trailer->matched() == 0 && trailer->shown() == 0 && query->ids_size() == 1) {
    return error{error_code::no_such_task, subject_of(pid), fmt::format("task {} is not there", query->ids(0)),
                 "it may have ended"};
  }
  start().end(&*trailer);
  return 0;
}

}  // namespace

const command stack_command = {"stack", "the stack of every task, or of those that the options select", "PID", options,
                               run};

}  // namespace tasks::cli

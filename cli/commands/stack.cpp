#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/words.hpp"
#include "commands/command.hpp"
#include "commands/filters.hpp"
#include "surveys/running_stacks.hpp"
#include "target/roots.hpp"
#include "views/json.hpp"
#include "views/render.hpp"

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
    no_native_option,
    json_option,
    timeout_option,
    direct_option,
    core_option,
    exe_option,
};

/// Prints parts of an answer as they come.
class stack_printer {
 public:
  /// `native`: of the tasks that run; null: not asked for.
  stack_printer(const arguments& args, output& out, const snapshot_source& source, running_stacks* native)
      : args_(args), out_(out), names_(source, {.all_frames = args.all_frames}), native_(native) {
    header_.set_schema_version(schema_version);
    header_.set_pid(static_cast<std::uint32_t>(source.pid()));
    if (args.json) {
      json_.emplace(out, header_, args.group ? "groups" : "tasks");
    } else {
      context_.style = out_.style();
      context_.pid = source.pid();
      context_.core = args.core.value_or("");
    }
  }

  bool part(const v1::Chunk& chunk) {
    names_.learn(chunk);
    for (const auto& task : chunk.tasks()) {
      names_.resolve(task, what_);
      if (native_ && task.state() == v1::Task::RUNNING) add_native_frames(task);
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
      if (native_ && native_->failure()) header_.add_notes(missing_native(*native_->failure()));
      json_->end(header_);
    } else if (trailer) {
      render_trailer(out_.text(), *trailer, args_.group, context_);
      if (native_ && native_->failure()) {
        fmt::format_to(std::back_inserter(out_.text()), "\n! {}\n", missing_native(*native_->failure()));
      }
    }
  }

 private:
  static std::string missing_native(const std::string& why) { return "no native stacks of running tasks: " + why; }

  void add_native_frames(const v1::Task& task) {
    const auto& stack = native_->stack_of(as_running(task));
    what_.native = shown_frames(frames_of_task(stack), args_.all_frames);
  }

  const arguments& args_;
  output& out_;
  resolver names_;
  running_stacks* native_;
  render_context context_;
  v1::StackView header_;
  std::optional<json_stream> json_;
  resolved what_;
  v1::TaskView task_view_;
  v1::GroupView group_view_;
  bool first_ = true;
};

bool may_select_running(const v1::StacksRequest& query) {
  const auto& states = query.states();
  return query.kinds().empty() &&
         (states.empty() || std::find(states.begin(), states.end(), v1::Task::RUNNING) != states.end());
}

result<int> run(const arguments& args, output& out) {
  const auto query = make_query(args);
  if (!query) return query.why();
  auto source = open_target(args);
  if (!source) return source.why();
  const pid_t pid = (*source)->pid();
  std::optional<running_stacks> native;
  if (!args.no_native && !args.group && may_select_running(*query)) {
    auto look = running_stacks::look(**source);
    if (!look) return look.why();
    native.emplace(*std::move(look));
  }
  std::optional<stack_printer> printer;
  // Printing starts with the first part: an error before it leaves standard output empty.
  const auto start = [&]() -> stack_printer& {
    return printer ? *printer : printer.emplace(args, out, **source, native ? &*native : nullptr);
  };
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

#include <fmt/format.h>

#include <algorithm>

#include "base/words.hpp"
#include "commands/command.hpp"
#include "commands/filters.hpp"
#include "surveys/running_stacks.hpp"
#include "views/stack.hpp"

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
  const stack_style style = {.json = args.json, .group = args.group, .all_frames = args.all_frames};
  std::optional<stack_printer> printer;
  // Printing starts with the first part: an error before it leaves standard output empty.
  const auto start = [&]() -> stack_printer& {
    return printer ? *printer
                   : printer.emplace(out, style, **source, args.core.value_or(""), native ? &*native : nullptr);
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

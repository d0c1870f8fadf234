#include "views/operations.hpp"

#include "commands/command.hpp"
#include "commands/filters.hpp"
#include "commands/open_target.hpp"
#include "surveys/look.hpp"
#include "surveys/operations.hpp"
#include "target/core_file.hpp"
#include "views/json.hpp"

namespace tasks::cli {
namespace {

struct operations_request : target_options, filter_options {
  operations_style shown;
};

/// Operations are found in memory alone, whether or not the target has tasks, a hook or an agent.
result<std::shared_ptr<target>> open_any(const operations_request& asked) {
  if (asked.core) {
    if (!asked.target.empty() || asked.direct)
      return usage_error("--core", "a core is read instead of a process", "leave out the PID and --direct");
    auto core = core_file::open(*asked.core, asked.exe);
    if (!core) return core.why();
    for (const auto& doubt : (*core)->doubts())
      tell_on_standard_error(fmt::format("tasks: core {}: {}", *asked.core, doubt));
    return core_target_without_hook(*std::move(core));
  }
  if (asked.exe) return usage_error("--exe", "there is no core that it belongs to", "add --core FILE");
  if (asked.target.empty()) return usage_error("", "which process?", "give a PID or a name; tasks list shows them");
  const auto pid = find_process(asked.target);
  if (!pid) return pid.why();
  return open_process(*pid);
}

int print(const operation_survey& survey, const operations_request& asked, const render_context& context, output& out) {
  auto shown = asked.shown;
  shown.chosen = asked.chosen;
  if (asked.json) {
    auto view = new_view<v1::OperationsView>(context.pid);
    fill_view(survey, shown, view);
    print_document(out, view);
  } else {
    render_operations(out.text(), survey, shown, context);
  }
  return 0;
}

result<int> run_operations(const operations_request& asked, output& out) {
  if (asked.from || asked.at) {
    const auto source = open_target(asked);
    if (!source) return source.why();
    const auto survey = look_for_operations(**source);
    if (!survey) return survey.why();
    return print(*survey, asked, context_of(asked, **source, out, 0), out);
  }
  const auto from = open_any(asked);
  if (!from) return from.why();
  const auto survey = survey_operations(**from);
  if (!survey) return survey.why();
  return print(*survey, asked, {.style = out.style(), .pid = (*from)->pid(), .core = asked.core.value_or("")}, out);
}

}  // namespace

command operations_command() {
  std::vector<option_of<operations_request>> options = {
      {{"--group", "", "one row for all of a kind and handler, most first"},
       [](operations_request& to, const std::string&) -> result<void> {
         to.shown.group = true;
         return {};
       }},
      {{"--all", "", "list those that tasks wait for, too"},
       [](operations_request& to, const std::string&) -> result<void> {
         to.shown.all = true;
         return {};
       }},
      {{"--limit", "N", "at most so many rows"}, [](operations_request& to, const std::string& typed) -> result<void> {
         const auto limit = read_count("--limit", typed);
         if (!limit) return limit.why();
         to.shown.limit = *limit;
         return {};
       }}};
  for (const auto& each : filters({{"--kind", "only operations of this kind, such as timer or socket-read"},
                                   {"--function", "only operations with such a handler, as it is shown"},
                                   {"--fd", "only operations on this file descriptor"}}))
    options.push_back(each);
  return make_command<operations_request>(
      "operations",
      "operations that pend without a coroutine: handlers of sockets, timers, signals, what was posted; and why run() "
      "does not return",
      {pid_word()}, with_watched_target<operations_request>(std::move(options)), watched<run_operations>);
}

}  // namespace tasks::cli

#include "views/operations.hpp"

#include <algorithm>

#include "base/words.hpp"
#include "commands/command.hpp"
#include "commands/open_target.hpp"
#include "surveys/operations.hpp"
#include "target/core_file.hpp"
#include "views/json.hpp"

namespace tasks::cli {
namespace {

struct operations_request : target_options {
  operations_style shown;
};

/// Operations are found in memory alone, whether or not the target has tasks, a hook or an agent.
result<std::shared_ptr<target>> open_any(const operations_request& asked) {
  if (asked.from)
    return usage_error("--from", "operations are not recorded, only how many there are of a kind",
                       "tasks vitals --details shows those");
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

result<int> run_operations(const operations_request& asked, output& out) {
  const auto from = open_any(asked);
  if (!from) return from.why();
  const auto survey = survey_operations(**from);
  if (!survey) return survey.why();
  if (asked.json) {
    auto view = new_view<v1::OperationsView>((*from)->pid());
    fill_view(*survey, asked.shown, view);
    print_document(out, view);
  } else {
    render_operations(out.text(), *survey, asked.shown,
                      {.style = out.style(), .pid = (*from)->pid(), .core = asked.core.value_or("")});
  }
  return 0;
}

result<void> add_shown_kind(operations_request& to, const std::string& typed) {
  const std::string_view list = typed;
  for (std::size_t begin = 0; begin <= list.size();) {
    const auto end = std::min(list.find(',', begin), list.size());
    const auto kind = parse_kind(list.substr(begin, end - begin));
    if (!kind)
      return usage_error("--kind", fmt::format("\"{}\" is no kind of wait", list.substr(begin, end - begin)),
                         fmt::format("{}", fmt::join(kind_words(), ", ")));
    to.shown.kinds.push_back(*kind);
    begin = end + 1;
  }
  return {};
}

}  // namespace

command operations_command() {
  option only_kind{"--kind", "KIND", "only operations of this kind, such as timer or socket-read", kind_words};
  only_kind.repeats = true;
  return make_command<operations_request>(
      "operations",
      "operations that pend without a coroutine: handlers of sockets, timers, signals, what was posted; and why run() "
      "does not return",
      {pid_word()},
      with_watched_target<operations_request>({{{"--group", "", "one row for all of a kind and handler, most first"},
                                                [](operations_request& to, const std::string&) -> result<void> {
                                                  to.shown.group = true;
                                                  return {};
                                                }},
                                               {only_kind, add_shown_kind},
                                               {{"--all", "", "list those that tasks wait for, too"},
                                                [](operations_request& to, const std::string&) -> result<void> {
                                                  to.shown.all = true;
                                                  return {};
                                                }},
                                               {{"--limit", "N", "at most so many rows"},
                                                [](operations_request& to, const std::string& typed) -> result<void> {
                                                  const auto limit = read_count("--limit", typed);
                                                  if (!limit) return limit.why();
                                                  to.shown.limit = *limit;
                                                  return {};
                                                }}}),
      watched<run_operations>);
}

}  // namespace tasks::cli

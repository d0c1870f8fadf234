#include "surveys/memory.hpp"

#include <utility>

#include "commands/command.hpp"
#include "commands/filters.hpp"
#include "commands/open_target.hpp"
#include "views/json.hpp"
#include "views/memory.hpp"

namespace tasks::cli {
namespace {

struct memory_request : target_options, filter_options, memory_options {};

result<memory_moment> open_memory(const memory_request& asked) {
  if (asked.from)
    return usage_error("--from", "a recording has no memory, only what was found in it",
                       "tasks leaks --from shows the frames' bytes of what was leaked");
  if (!asked.core && !asked.exe && !asked.at && !asked.target.empty()) {
    const auto pid = find_process(asked.target);
    if (!pid) return pid.why();
    return take_memory_moment(*pid, asked.hook, tell_on_standard_error);
  }
  auto core = open_target(asked);
  if (!core) return core.why();
  return memory_moment_of(*std::move(core));
}

result<int> run_memory(const memory_request& asked, output& out) {
  auto moment = open_memory(asked);
  if (!moment) return moment.why();
  auto& source = *moment->source;
  resolver names(source, {});
  memory_options shown = asked;
  shown.chosen = &asked.filter_options::chosen;
  const auto survey = survey_memory(*moment, names, shown);
  if (!survey) return survey.why();
  if (asked.json) {
    auto view = new_view<v1::MemoryView>(source.pid());
    fill_view(*survey, view);
    print_document(out, view);
  } else {
    render_memory(out.text(), *survey, context_of(asked, source, out, survey->resolution_ms));
  }
  return 0;
}

}  // namespace

command memory_command() {
  std::vector<option_of<memory_request>> options;
  for (const auto& each : filters()) options.push_back(each);
  options.push_back(count("--limit", "N", "at most so many rows a table (default 10)", &memory_options::limit));
  return make_command<memory_request>(
      "memory",
      "which coroutines own the memory: frames by function, what groups of tasks alone keep alive; arenas and their "
      "holes, and what is resident",
      {pid_word()}, with_watched_target<memory_request>(std::move(options)), watched<run_memory>);
}

}  // namespace tasks::cli

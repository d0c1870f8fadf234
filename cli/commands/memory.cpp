#include "surveys/memory.hpp"

#include <utility>

#include "commands/command.hpp"
#include "commands/filters.hpp"
#include "commands/open_target.hpp"
#include "surveys/look.hpp"
#include "views/json.hpp"
#include "views/memory.hpp"

namespace tasks::cli {
namespace {

struct memory_request : target_options, filter_options, memory_options {};

result<memory_moment> open_memory(const memory_request& asked) {
  if (!asked.core && !asked.exe && !asked.target.empty()) {
    const auto pid = find_process(asked.target);
    if (!pid) return pid.why();
    return take_memory_moment(*pid, asked.hook, tell_on_standard_error);
  }
  auto core = open_target(asked);
  if (!core) return core.why();
  return memory_moment_of(*std::move(core));
}

memory_options shown_of(const memory_request& asked) {
  memory_options shown = asked;
  shown.chosen = &asked.filter_options::chosen;
  return shown;
}

int print(const memory_survey& survey, const memory_request& asked, const snapshot_source& source, output& out) {
  if (asked.json) {
    auto view = new_view<v1::MemoryView>(source.pid());
    fill_view(survey, view);
    print_document(out, view);
  } else {
    render_memory(out.text(), survey, context_of(asked, source, out, survey.resolution_ms));
  }
  return 0;
}

result<int> run_on_recording(const memory_request& asked, output& out) {
  const auto source = open_target(asked);
  if (!source) return source.why();
  const auto then = look_for_memory(**source);
  if (!then) return then.why();
  const auto find_kept = [&](const keeper_groups& groups) { return then->find_kept(groups); };
  resolver names(**source, {});
  auto survey = survey_memory(then->known(), find_kept, **source, names, shown_of(asked));
  if (!survey) return survey.why();
  return print(*survey, asked, **source, out);
}

result<int> run_memory(const memory_request& asked, output& out) {
  if (asked.from || asked.at) return run_on_recording(asked, out);
  auto moment = open_memory(asked);
  if (!moment) return moment.why();
  auto& source = *moment->source;
  resolver names(source, {});
  const auto survey = survey_memory(*moment, names, shown_of(asked));
  if (!survey) return survey.why();
  return print(*survey, asked, source, out);
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

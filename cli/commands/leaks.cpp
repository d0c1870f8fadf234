#include "surveys/leaks.hpp"

#include <utility>
#include <vector>

#include "commands/command.hpp"
#include "commands/show.hpp"
#include "surveys/filtered_source.hpp"
#include "surveys/unhooked_code.hpp"
#include "views/json.hpp"
#include "views/leaks.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;

constexpr int found_leaks = 3, cannot_tell = 4;

result<int> run_leaks(const leaks_request& asked, output& out) {
  if (asked.must_prove && !asked.prove) return usage_error("--prove", "not with --no-prove");
  if (asked.must_prove && asked.stop == proof_stop::never) return usage_error("--prove", "not with --no-stop");
  if (asked.max_stop && !asked.may_stop) return usage_error("--max-stop", "not with --no-stop");
  if (asked.core && asked.interval != 0ms) return usage_error("--interval", "nothing grows in a core", "leave it out");
  if (asked.from && asked.interval != 0ms)
    return usage_error("--interval", "nothing grows in one snapshot", "leave it out");
  const auto source = open_target(asked);
  if (!source) return source.why();
  const auto answer = show_leaks(**source, asked, out);
  if (!answer) return answer.why();
  return *answer == leak_answer::none ? 0 : *answer == leak_answer::some ? found_leaks : cannot_tell;
}

}  // namespace

result<leak_answer> show_leaks(snapshot_source& source, const leaks_request& asked, output& out) {
  resolver names(source, {});
  filtered_source filtered(source, asked.chosen, {});
  leaks_options how = asked;
  how.of_some = !asked.chosen.is_empty();
  how.longest_stop = asked.max_stop;
  auto& chosen = how.of_some ? static_cast<snapshot_source&>(filtered) : source;
  auto survey = survey_leaks(chosen, names, how);
  if (!survey) return survey.why();
  if (!survey->lacks_hook)
    if (auto unhooked = look_for_unhooked_code(source)) survey->notes.push_back(*std::move(unhooked));
  if (asked.json) {
    auto view = new_view<v1::LeaksView>(source.pid());
    fill_view(*survey, view);
    print_document(out, view);
  } else {
    render_leaks(out.text(), *survey, context_of(asked, source, out, survey->resolution_ms));
  }
  if (survey->wrong != 0) return leak_answer::some;
  const auto& proof = survey->proof;
  const bool told =
      !survey->was_stopped_too_long && (!asked.prove || (!survey->lacks_hook && proof && proof->doubt.empty() &&
                                                         proof->undecided + proof->unchecked + proof->likely == 0));
  return told ? leak_answer::none : leak_answer::undecided;
}

command leaks_command() {
  std::vector<option_of<leaks_request>> options = {
      duration("--interval", "SECONDS",
               "look at the beginning, in the middle and at the end of it, prove each time, and name what grows",
               &leaks_options::interval, 10ms),
      duration("--min-age", "AGE",
               "list tasks that have waited so long, though nothing is wrong with them (default 30s)",
               &leaks_options::min_age, 0ms),
      flag("--all", "list waits by design too: for connections, signals, and timers that will fire",
           &leaks_options::all),
      duration("--stalled-after", "SECONDS", "name workers that have run one task for longer (default 1)",
               &leaks_options::stalled_after, 1ms),
      flag("--prove", "fail unless it can be proven which tasks never wake", &leaks_options::must_prove),
      no_stop_option<leaks_request>("stop no thread, not even for a moment: what would be proven is said to be likely"),
      duration("--max-stop", "TIME",
               "stop no thread for longer at a time, such as 100ms: when that is over all go on at once, whatever was "
               "being done, and nothing is proven (exit code 4)",
               &target_options::max_stop, 1ms),
      flag("--no-prove", "prove nothing, and do not copy its memory", &leaks_options::prove, false),
      count("--top", "N", "at most so many groups (default 20)", &leaks_options::top),
  };
  for (const auto& each : filters()) options.push_back(each);
  return make_command<leaks_request>(
      "leaks",
      "tasks that will never wake, with the evidence; exit code 3 when there are some, 4 when it cannot be told",
      {pid_word()}, with_watched_target<leaks_request>(std::move(options)), watched<run_leaks>);
}

}  // namespace tasks::cli

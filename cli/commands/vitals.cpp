#include "views/vitals.hpp"

#include "base/text.hpp"
#include "commands/command.hpp"
#include "commands/show.hpp"
#include "surveys/unhooked_code.hpp"
#include "surveys/vitals.hpp"
#include "views/json.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;

/// Opens the target anew each time: it may have been started again.
result<int> run_vitals(const vitals_request& asked, output& out) {
  if (asked.details && !asked.may_stop)
    return usage_error("--details", "operations are counted in a copy, for which threads that run are stopped",
                       "leave out --no-stop");
  const auto source = open_target(asked);
  if (!source) return source.why();
  if (const auto shown = show_vitals(**source, asked, out); !shown) return shown.why();
  return 0;
}

}  // namespace

result<void> show_vitals(snapshot_source& source, const vitals_request& asked, output& out) {
  resolver names(source, {.all_frames = false, .spawn_sites = false});
  auto survey = survey_vitals(source, names, {asked.stalled_after, asked.may_stop, asked.due, asked.busy});
  if (!survey) return survey.why();
  if (asked.details) count_callbacks(source, *survey);
  // Code does not change while somebody watches.
  if (survey->vitals.tasks() + survey->vitals.ended() != 0 && !asked.watch)
    if (auto unhooked = look_for_unhooked_code(source)) survey->findings.push_back(*std::move(unhooked));
  if (asked.json) {
    auto view = new_view<v1::VitalsView>(source.pid());
    fill_view(*survey, view);
    print_document(out, view);
  } else {
    render_vitals(out.text(), *survey, asked.details,
                  context_of(asked, source, out, survey->vitals.tick_resolution_ms()));
  }
  return {};
}

command vitals_command() {
  return make_command<vitals_request>(
      "vitals", "counts of tasks and threads, and the tasks blocked on channels", {pid_word()},
      with_watched_target<vitals_request>(
          {duration("--stalled-after", "SECONDS", "name workers that have run one task for longer (default 1)",
                    &vitals_request::stalled_after, 1ms),
           flag("--details",
                "states, memory, CPU time, uptime and operations without a task too, for which its memory is copied",
                &vitals_request::details),
           let_run_option()}),
      watched<run_vitals>);
}

}  // namespace tasks::cli

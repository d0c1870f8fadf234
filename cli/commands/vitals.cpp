#include "views/vitals.hpp"

#include <thread>

#include "base/text.hpp"
#include "commands/command.hpp"
#include "commands/show.hpp"
#include "surveys/vitals.hpp"
#include "views/json.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;

/// Opens the target anew each time: it may have been started again.
result<int> show_once(const vitals_request& asked, output& out) {
  const auto source = open_target(asked);
  if (!source) return source.why();
  if (const auto shown = show_vitals(**source, asked, out); !shown) return shown.why();
  return 0;
}

result<int> show_again_and_again(const vitals_request& asked, output& out) {
  constexpr std::string_view clear_screen = "\033[H\033[2J", separator = "\n";
  for (bool first = true;; first = false) {
    if (out.style().terminal) {
      append(out.text(), clear_screen);
    } else if (!first) {
      append(out.text(), separator);
    }
    if (const auto shown = show_once(asked, out); !shown) return shown.why();
    if (!out.flush()) return 0;
    std::this_thread::sleep_for(*asked.watch);
  }
}

result<int> run_vitals(const vitals_request& asked, output& out) {
  if (!asked.watch) return show_once(asked, out);
  if (asked.from) return usage_error("--watch", "nothing changes in a recording", "--at shows another moment of it");
  if (asked.json) return usage_error("--watch", "not with --json, which is one document");
  return show_again_and_again(asked, out);
}

/// Without its value: every second.
option_of<vitals_request> watch_option() {
  return {{"--watch", "[SECONDS]", "print again and again, every second or so often"},
          [](vitals_request& to, const std::string& typed) -> result<void> {
            const auto interval =
                typed.empty() ? result<std::chrono::milliseconds>(1s) : read_duration("--watch", typed, 10ms);
            if (!interval) return interval.why();
            to.watch = *interval;
            return {};
          }};
}

}  // namespace

result<void> show_vitals(snapshot_source& source, const vitals_request& asked, output& out) {
  resolver names(source, {.all_frames = false, .spawn_sites = false});
  auto survey = survey_vitals(source, names, asked.stalled_after, asked.due, asked.busy);
  if (!survey) return survey.why();
  if (asked.details) count_callbacks(source, *survey);
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
      with_target<vitals_request>(
          {watch_option(),
           duration("--stalled-after", "SECONDS", "name workers that have run one task for longer (default 1)",
                    &vitals_request::stalled_after, 1ms),
           flag("--details",
                "states, memory, CPU time, uptime and operations without a task too, for which its memory is copied",
                &vitals_request::details)}),
      run_vitals);
}

}  // namespace tasks::cli

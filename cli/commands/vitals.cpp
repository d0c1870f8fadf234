#include <time.h>

#include "base/words.hpp"
#include "commands/command.hpp"
#include "surveys/vitals.hpp"
#include "views/json.hpp"
#include "views/vitals.hpp"

namespace tasks::cli {
namespace {

constexpr option options[] = {
    pid_option,
    {"--watch", "[SECONDS]", "print again and again, every second or so often", &arguments::watch},
    {"--stalled-after", "SECONDS", "name workers that have run one task for longer (default 1)",
     &arguments::stalled_after},
    {"--details", "", "states, memory, CPU time and uptime too", &arguments::details},
    json_option,
    timeout_option,
    direct_option,
    core_option,
    exe_option,
};

result<std::chrono::milliseconds> stalled_after_of(const arguments& args) {
  using namespace std::chrono_literals;
  const auto limit = args.stalled_after ? parse_duration(*args.stalled_after) : std::chrono::milliseconds(1s);
  if (!limit || *limit <= 0ms) {
    return usage_error("--stalled-after", "\"" + *args.stalled_after + "\" is no duration", "such as 5 or 500ms");
  }
  return *limit;
}

result<int> print_once(const arguments& args, output& out, const text_style& style) {
  const auto stalled_after = stalled_after_of(args);
  if (!stalled_after) return stalled_after.why();
  auto source = open_target(args);
  if (!source) return source.why();
  resolver names(**source, {.all_frames = false, .spawn_sites = false});
  const auto survey = survey_vitals(**source, names, *stalled_after);
  if (!survey) return survey.why();
  if (args.json) {
    v1::VitalsView view;
    view.set_pid(static_cast<std::uint32_t>((*source)->pid()));
    fill_view(*survey, view);
    print_document(out, view);
  } else {
    render_vitals(out.text(), *survey, args.details,
                  {.style = style, .resolution_ms = survey->vitals.tick_resolution_ms()});
  }
  return 0;
}

result<int> watch(const arguments& args, output& out, std::chrono::milliseconds interval, const text_style& style) {
  constexpr std::string_view clear_screen = "\033[H\033[2J", separator = "\n";
  for (bool first = true;; first = false) {
    if (style.terminal) {
      out.text().append(clear_screen.data(), clear_screen.data() + clear_screen.size());
    } else if (!first) {
      out.text().append(separator.data(), separator.data() + separator.size());
    }
    if (const auto printed = print_once(args, out, style); !printed) return printed.why();
    if (!out.flush()) return 0;
    const timespec pause = {interval.count() / 1000, interval.count() % 1000 * 1'000'000};
    ::nanosleep(&pause, nullptr);
  }
}

result<int> run(const arguments& args, output& out) {
  const auto style = out.style();
  if (!args.watch) return print_once(args, out, style);
  if (args.json) return usage_error("--watch", "not with --json, which is one document");
  using namespace std::chrono_literals;
  const auto interval = args.watch->empty() ? std::chrono::milliseconds(1s) : parse_duration(*args.watch);
  if (!interval || *interval < 10ms) {
    return usage_error("--watch", "\"" + *args.watch + "\" is no interval", "such as 1 or 0.5");
  }
  return watch(args, out, *interval, style);
}

}  // namespace

const command vitals_command = {"vitals", "counts of tasks and threads, and the tasks blocked on channels", "PID",
                                options, run};

}  // namespace tasks::cli

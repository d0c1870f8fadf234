#include "surveys/leaks.hpp"

#include <charconv>

#include "base/words.hpp"
#include "commands/command.hpp"
#include "views/json.hpp"
#include "views/leaks.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;

constexpr option options[] = {
    pid_option,
    {"--interval", "SECONDS", "look at the beginning, in the middle and at the end of it, and name what grows",
     &arguments::interval},
    {"--min-age", "AGE", "list tasks that have waited so long, though nothing is wrong with them (default 30s)",
     &arguments::min_age},
    {"--stalled-after", "SECONDS", "name workers that have run one task for longer (default 1)",
     &arguments::stalled_after},
    {"--prove", "", "fail unless it can be proven which tasks never wake", &arguments::prove},
    {"--no-prove", "", "prove nothing: the target is not stopped, not even for a moment", &arguments::no_prove},
    {"--top", "N", "at most so many groups (default 20)", &arguments::top},
    json_option,
    timeout_option,
    direct_option,
    core_option,
    exe_option,
};

constexpr int found_leaks = 3;

result<std::chrono::milliseconds> duration(const char* name, const std::optional<std::string>& text,
                                           std::chrono::milliseconds otherwise, std::chrono::milliseconds least) {
  if (!text) return otherwise;
  const auto value = parse_duration(*text);
  if (!value || *value < least) return usage_error(name, "\"" + *text + "\" is no duration", "such as 5 or 500ms");
  return *value;
}

result<leaks_options> options_of(const arguments& args) {
  leaks_options how = {.prove = !args.no_prove, .must_prove = args.prove};
  if (args.prove && args.no_prove) return usage_error("--prove", "not with --no-prove");
  if (args.core && args.interval) return usage_error("--interval", "nothing grows in a core", "leave it out");
  const auto interval = duration("--interval", args.interval, 0ms, 10ms);
  if (!interval) return interval.why();
  const auto min_age = duration("--min-age", args.min_age, 30s, 0ms);
  if (!min_age) return min_age.why();
  const auto stalled_after = duration("--stalled-after", args.stalled_after, 1s, 1ms);
  if (!stalled_after) return stalled_after.why();
  if (args.top) {
    const auto* end = args.top->data() + args.top->size();
    const auto [last, bad] = std::from_chars(args.top->data(), end, how.top);
    if (bad != std::errc() || last != end || how.top == 0)
      return usage_error("--top", "\"" + *args.top + "\" is no number", "such as 5");
  }
  how.interval = *interval;
  how.stalled_after = *stalled_after;
  how.min_age_ms = static_cast<std::uint64_t>(min_age->count());
  return how;
}

result<int> run(const arguments& args, output& out) {
  const auto how = options_of(args);
  if (!how) return how.why();
  const auto source = open_target(args);
  if (!source) return source.why();
  resolver names(**source, {});
  const auto survey = survey_leaks(**source, names, *how);
  if (!survey) return survey.why();
  if (args.json) {
    v1::LeaksView view;
    view.set_pid(static_cast<std::uint32_t>((*source)->pid()));
    fill_view(*survey, view);
    print_document(out, view);
  } else {
    render_leaks(out.text(), *survey,
                 {.style = out.style(),
                  .resolution_ms = survey->resolution_ms,
                  .pid = (*source)->pid(),
                  .core = args.core.value_or("")});
  }
  return survey->wrong == 0 ? 0 : found_leaks;
}

}  // namespace

const command leaks_command = {
    "leaks", "tasks that will never wake, with the evidence; exit code 3 when there are some", "PID", options, run};

}  // namespace tasks::cli

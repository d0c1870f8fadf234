#include "views/why.hpp"
#include "commands/command.hpp"
#include "commands/filters.hpp"
#include "surveys/why.hpp"
#include "views/json.hpp"

namespace tasks::cli {
namespace {

constexpr option options[] = {
    pid_option,  no_prove_option, {"--all-frames", "", "Asio's own frames too", &arguments::all_frames},
    json_option, timeout_option,  direct_option,
    core_option, exe_option,
};

result<int> run(const arguments& args, output& out) {
  if (args.task.empty()) return usage_error("", "which task?", "tasks why -p PID TASK; tasks stack shows them");
  auto asked = args;
  asked.ids = {args.task};
  const auto query = make_query(asked);
  if (!query || query->ids_size() != 1)
    return usage_error("why", "\"" + args.task + "\" is no task id", "a number, as tasks stack prints it");
  const auto source = open_target(args);
  if (!source) return source.why();
  const auto survey = survey_wait(**source, query->ids(0), {.all_frames = args.all_frames, .memory = !args.no_prove});
  if (!survey) return survey.why();
  const render_context context = {.style = out.style(),
                                  .resolution_ms = survey->resolution_ms,
                                  .pid = (*source)->pid(),
                                  .core = args.core.value_or("")};
  if (args.json) {
    v1::WhyView view;
    fill_view(*survey, context, view);
    print_document(out, view);
  } else {
    render_why(out.text(), *survey, context);
  }
  return 0;
}

}  // namespace

const command why_command = {"why", "what one task waits for, and who could wake it", "PID TASK", options, run};

}  // namespace tasks::cli

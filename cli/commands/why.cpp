#include "views/why.hpp"
#include "commands/command.hpp"
#include "commands/show.hpp"
#include "surveys/why.hpp"
#include "views/json.hpp"

namespace tasks::cli {
namespace {

struct why_request : target_options, frame_options, prove_options {
  std::uint64_t task = 0;  ///< 0: none given
};

result<int> run_why(const why_request& asked, output& out) {
  if (asked.task == 0) return usage_error("", "which task?", "tasks why -p PID TASK; tasks stack shows them");
  const auto source = open_target(asked);
  if (!source) return source.why();
  const auto survey =
      survey_wait(**source, asked.task, {.all_frames = asked.all_frames, .memory = asked.prove, .stop = asked.stop});
  if (!survey) return survey.why();
  const auto context = context_of(asked, **source, out, survey->resolution_ms);
  if (asked.json) {
    auto view = new_view<v1::WhyView>((*source)->pid());
    fill_view(*survey, context, view);
    print_document(out, view);
  } else {
    render_why(out.text(), *survey, context);
  }
  return 0;
}

}  // namespace

command why_command() {
  return make_command<why_request>(
      "why", "what one task waits for, and who could wake it",
      {pid_word(),
       value_option({"TASK", "", "the task: its id, as tasks stack prints it"}, &why_request::task, read_task)},
      with_watched_target<why_request>(
          {no_prove_option(), no_stop_option<why_request>(no_proof_without_stop), all_frames_option()}),
      watched<run_why>);
}

}  // namespace tasks::cli

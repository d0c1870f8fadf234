#include "views/threads.hpp"

#include <memory>
#include <utility>

#include "commands/command.hpp"
#include "commands/show.hpp"
#include "target/roots.hpp"
#include "views/json.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;

/// Threads are there whether or not tasks can be read: only what says that there is no such process ends it.
bool ends_it(error_code code) { return exit_code(code) == 2 || code == error_code::no_such_process; }

result<int> run_threads(const threads_request& asked, output& out) {
  if (asked.from && asked.interval != 0ms)
    return usage_error("--interval", "no time passes in a snapshot", "leave it out");
  const auto source = open_target(asked);
  if (!source && (asked.core || asked.from || ends_it(source.why().code))) return source.why();
  std::shared_ptr<target> process;
  std::string why_no_tasks;
  if (!source) {
    const auto pid = find_process(asked.target);
    if (!pid) return pid.why();
    process = live_target(*pid);
    why_no_tasks = in_words(source.why());
  }
  target* from = source ? (*source)->from() : process.get();
  const auto shown = show_threads(from, source ? source->get() : nullptr, why_no_tasks, asked, out);
  if (!shown) return shown.why();
  return 0;
}

}  // namespace

result<void> show_threads(target* from, snapshot_source* source, const std::string& why_no_tasks,
                          const threads_request& asked, output& out) {
  auto survey = survey_threads(from, source,
                               {.stacks = asked.native && asked.may_stop,
                                .interval = asked.interval,
                                .busy = asked.busy,
                                .chosen = &asked.chosen,
                                .all_frames = asked.all_frames});
  if (!survey) return survey.why();
  if (!why_no_tasks.empty()) survey->notes.insert(survey->notes.begin(), "no tasks: " + why_no_tasks);
  const auto pid = from != nullptr ? from->pid() : source->pid();
  if (asked.json) {
    auto view = new_view<v1::ThreadsView>(pid);
    fill_view(*survey, asked.all_frames, view);
    print_document(out, view);
  } else {
    const thread_style style = {
        .stacks = asked.native && asked.may_stop, .all_frames = asked.all_frames, .verbose = asked.verbose};
    render_threads(out.text(), *survey, style, {.style = out.style(), .pid = pid});
  }
  return {};
}

command threads_command() {
  std::vector<option_of<threads_request>> options;
  for (const auto& each :
       filters({{"--task", "only threads that run this task, or resume it over and over"},
                {"--older-than", "only threads whose task has run for longer, such as 30s or 5m"},
                {"--function", "only threads whose task has such a function on its stack, as stack shows it"},
                {"--spawned-at", "only threads whose task was spawned there"},
                {"--name", "only threads whose task has such a name"},
                {"--label", "only threads whose task has this label"},
                {"--thread", "only this thread, whether or not it runs a task"}}))
    options.push_back(each);
  options.push_back(flag("--no-native", "no native stacks: no thread that runs is stopped, not even for a moment",
                         &threads_request::native, false));
  options.push_back(let_run_option());
  options.push_back(duration("--interval", "SECONDS", "CPU% over so long, instead of since each thread's start",
                             &threads_request::interval, 10ms));
  options.push_back(
      flag("--all-frames", "Asio's and the standard library's own frames too", &frame_options::all_frames));
  options.push_back(
      flag("--verbose", "also how long the threads were stopped to be copied", &threads_request::verbose));
  return make_command<threads_request>(
      "threads", "OS threads: what each is for, the task that it runs, and its native stack", {pid_word()},
      with_watched_target<threads_request>(std::move(options)), watched<run_threads>);
}

}  // namespace tasks::cli

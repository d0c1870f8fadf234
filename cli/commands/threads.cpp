#include "views/threads.hpp"
#include "base/words.hpp"
#include "commands/command.hpp"
#include "target/roots.hpp"
#include "views/json.hpp"

namespace tasks::cli {
namespace {

constexpr option options[] = {
    pid_option,
    no_native_option,
    {"--interval", "SECONDS", "CPU% over so long, instead of since each thread's start", &arguments::interval},
    {"--all-frames", "", "Asio's and the standard library's own frames too", &arguments::all_frames},
    {"--verbose", "", "also how long the threads were stopped to be copied", &arguments::verbose},
    json_option,
    timeout_option,
    direct_option,
    core_option,
    exe_option,
};

/// Threads are there whether or not tasks can be read: only what says that there is no such process ends it.
bool ends_it(error_code code) { return exit_code(code) == 2 || code == error_code::no_such_process; }

result<int> run(const arguments& args, output& out) {
  using namespace std::chrono_literals;
  survey_options how = {.stacks = !args.no_native};
  if (args.interval) {
    const auto interval = parse_duration(*args.interval);
    if (!interval || *interval < 10ms) {
      return usage_error("--interval", "\"" + *args.interval + "\" is no interval", "such as 1 or 0.5");
    }
    how.interval = *interval;
  }
  const auto source = open_target(args);
  if (!source && (args.core || ends_it(source.why().code))) return source.why();
  std::shared_ptr<target> process;
  if (!source) {
    const auto pid = find_process(args.target);
    if (!pid) return pid.why();
    process = live_target(*pid);
  }
  target* from = source ? (*source)->from() : process.get();
  if (from == nullptr) return error{error_code::system, "", "there is no record of its threads", ""};
  auto survey = survey_threads(*from, source ? source->get() : nullptr, how);
  if (!survey) return survey.why();
  if (!source) {
    survey->notes.insert(survey->notes.begin(), "no tasks: " + in_words(source.why()));
  }
  if (args.json) {
    v1::ThreadsView view;
    view.set_pid(static_cast<std::uint32_t>(from->pid()));
    fill_view(*survey, args.all_frames, view);
    print_document(out, view);
  } else {
    const thread_style what = {!args.no_native, args.all_frames, args.verbose};
    render_threads(out.text(), *survey, what, {.style = out.style(), .pid = from->pid()});
  }
  return 0;
}

}  // namespace

const command threads_command = {"threads", "OS threads: what each is for, the task that it runs, and its native stack",
                                 "PID", options, run};

}  // namespace tasks::cli

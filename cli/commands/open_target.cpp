#include "commands/open_target.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <utility>

#include "base/progress.hpp"
#include "base/text.hpp"
#include "commands/open_recording.hpp"
#include "sources/fallback_source.hpp"
#include "sources/memory_source.hpp"
#include "surveys/locals.hpp"
#include "surveys/without_hook.hpp"
#include "target/core_file.hpp"
#include "target/roots.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;

result<std::unique_ptr<snapshot_source>> widened(result<std::unique_ptr<memory_source>> opened) {
  if (!opened) return opened.why();
  return std::unique_ptr<snapshot_source>(*std::move(opened));
}

template <class Open>
result<std::unique_ptr<snapshot_source>> unless_it_has_no_hook(result<std::unique_ptr<snapshot_source>> opened,
                                                               Open without_hook) {
  if (opened || opened.why().code != error_code::not_instrumented) return opened;
  return widened(without_hook());
}

using opener = result<std::unique_ptr<snapshot_source>> (*)(pid_t, const target_options&, const teller&);

result<std::unique_ptr<snapshot_source>> open_live(pid_t pid, const target_options& of, const teller& tell) {
  const auto without_hook = [&] { return open_without_hook(pid, tell, of.seen, whom_to_stop(of), of.max_stop); };
  if (!of.hook) return widened(without_hook());
  return unless_it_has_no_hook(
      of.direct ? widened(open_direct(live_target(pid))) : open_agent_or_memory(pid, of.timeout, tell), without_hook);
}

result<std::unique_ptr<snapshot_source>> open_core_or_live(const target_options& of, opener live, const teller& tell) {
  if (of.from) {
    if (of.core || of.exe || of.direct || !of.hook)
      return usage_error("--from", "a recording is read instead of a process", "leave out --core, --direct and such");
    return open_recording(*of.from, of.target, of.at, tell);
  }
  if (of.at) return usage_error("--at", "there is no recording whose time it could be", "add --from FILE");
  if (of.core) {
    if (!of.target.empty() || of.direct)
      return usage_error("--core", "a core is read instead of a process", "leave out the PID and --direct");
    auto core = core_file::open(*of.core, of.exe);
    if (!core) return core.why();
    for (const auto& doubt : (*core)->doubts()) tell(fmt::format("tasks: core {}: {}", *of.core, doubt));
    const auto without_hook = [&] { return open_core_without_hook(*core, tell); };
    if (!of.hook) return widened(without_hook());
    return unless_it_has_no_hook(widened(open_core(*core)), without_hook);
  }
  if (of.exe) return usage_error("--exe", "there is no core that it belongs to", "add --core FILE");
  if (of.target.empty()) return usage_error("", "which process?", "give a PID or a name; tasks list shows them");
  const auto pid = find_process(of.target);
  if (!pid) return pid.why();
  return live(*pid, of, tell);
}

/// Who keeps what this thread tells; null: nobody.
thread_local std::vector<std::string>* lines_told = nullptr;

/// As an option's value, with the snapshot that was chosen.
std::string recording_words(const target_options& of) {
  if (!of.from) return "";
  auto words = *of.from;
  if (!of.target.empty()) words += " -p " + of.target;
  if (of.at) words += " --at " + *of.at;
  return words;
}

}  // namespace

void tell_on_standard_error(const std::string& line) {
  if (lines_told != nullptr) {
    lines_told->push_back(line);
    return;
  }
  const progress_line::pause without_line;
  fmt::print(stderr, "{}\n", clean(line));
}

told_lines::told_lines() { lines_told = &lines_; }
told_lines::~told_lines() { lines_told = nullptr; }

option_of<target_options> pid_word() {
  return {{"PID", "", "the target"}, [](target_options& to, const std::string& typed) -> result<void> {
            if (!to.target.empty()) return usage_error(typed, "a second target", "one at a time");
            to.target = typed;
            return {};
          }};
}

option_of<target_options> pid_option() {
  return text("-p,--pid", "PID", "the target: a process id, or a name that one process has", &target_options::target);
}

option_of<view_options> json_option() { return flag("--json", "print one JSON document", &view_options::json); }

option_of<patience> timeout_option() {
  return duration("--timeout", "SECONDS",
                  "give up when an agent sends nothing for so long, or too little in four times that (default 2)",
                  &patience::timeout, 1ms);
}

stop_order::whom whom_to_stop(const target_options& of) noexcept {
  return of.may_stop ? stop_order::whom::who_runs : stop_order::whom::let_run;
}

option_of<target_options> let_run_option() {
  return flag(
      "--no-stop",
      "stop no thread, not even for a moment: native stacks of threads that run are not read, and without a hook "
      "tasks that change while memory is copied are left out",
      &target_options::may_stop, false);
}

std::vector<option_of<target_options>> reading_options() {
  return {
      json_option(),
      timeout_option(),
      flag("--direct",
           "read the target's memory instead of asking its agent; works when it hangs, is stopped or has none",
           &target_options::direct),
      flag("--no-hook",
           "find the tasks by symbols and debug information, as in a program that was built without the hook",
           &target_options::hook, false),
      text("--core", "FILE",
           "read a core file, compressed or not, instead of a process; of a PID or a name the newest core that "
           "systemd-coredump has stored (tasks list --cores)",
           &target_options::core),
      text("--exe", "FILE", "the executable that dumped the core, if it is not where it was", &target_options::exe),
      text("--from", "FILE", "show what was recorded, by record or report, instead of a process",
           &target_options::from),
      text(
          "--at", "N|TIME",
          "of a recording: the snapshot of this number, or the last one before this time (12:30, 2026-01-31T12:30:00Z, "
          "or -5m: before its end); without, the last",
          &target_options::at)};
}

result<std::unique_ptr<snapshot_source>> open_target(const target_options& of, const teller& tell) {
  return open_core_or_live(of, open_live, tell);
}

result<std::unique_ptr<snapshot_source>> open_target_at_one_moment(const target_options& of) {
  if (of.from) return usage_error("--from", "values in frames are not recorded", "leave out --locals");
  return open_core_or_live(
      of,
      [](pid_t pid, const target_options& its, const teller& tell) {
        return widened(open_one_moment(pid, its.hook, tell, its.seen));
      },
      tell_on_standard_error);
}

render_context context_of(const target_options& of, const snapshot_source& source, const output& out,
                          std::uint32_t resolution_ms) {
  return {.style = out.style(),
          .resolution_ms = resolution_ms,
          .pid = source.pid(),
          .core = source.recorded() != nullptr ? source.recorded()->core() : of.core.value_or(""),
          .recording = recording_words(of)};
}

}  // namespace tasks::cli

#include <chrono>
#include <memory>
#include <utility>

#include "commands/command.hpp"
#include "commands/open_target.hpp"
#include "commands/top_feed.hpp"
#include "target/roots.hpp"
#include "top/loop.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;

struct top_request : target_options {
  std::chrono::milliseconds interval{1000};
};

result<int> run_recorded(const top_request& asked, const output& out) {
  if (asked.direct || !asked.hook)
    return usage_error("--from", "a recording is read instead of a process", "leave out --direct and such");
  auto opened = feed_of_recording(asked);
  if (!opened) return opened.why();
  const auto pid = opened->has_list ? std::nullopt : std::optional(pid_t{0});
  return run_top({.pid = pid, .is_recording = true, .interval = asked.interval}, *opened->from, out.style().color);
}

result<int> run_live(const top_request& asked, output& out) {
  if (asked.from) return run_recorded(asked, out);
  if (asked.at) return usage_error("--at", "there is no recording whose time it could be", "add --from FILE");
  top_choices chosen{.pid = std::nullopt, .is_recording = false, .interval = asked.interval};
  if (!asked.target.empty()) {
    const auto pid = find_process(asked.target);
    if (!pid) return pid.why();
    chosen.pid = *pid;
  }
  const auto from = feed_of_processes(asked);
  return run_top(chosen, *from, out.style().color);
}

}  // namespace

command top_command() {
  return make_command<top_request>(
      "top", "live, on the terminal: processes, what tasks of one do, and how that changes; ? lists the keys",
      {pid_word()},
      {pid_option(),
       duration("--interval", "SECONDS",
                "between two looks (default 1); they are fewer where they would take more than a twentieth of the time",
                &top_request::interval, 50ms),
       timeout_option(),
       flag("--direct", "read the target's memory instead of asking its agent", &target_options::direct),
       flag("--no-hook", "find the tasks as in a program that was built without the hook", &target_options::hook,
            false),
       text("--from", "FILE", "show what was recorded: the arrows left and right lead through its time",
            &target_options::from),
       text("--at", "N|TIME", "of a recording: where to begin; without, at its end", &target_options::at)},
      run_live);
}

}  // namespace tasks::cli

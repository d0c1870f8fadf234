#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "base/quantities.hpp"
#include "base/text.hpp"
#include "commands/command.hpp"
#include "commands/held_signals.hpp"
#include "commands/open_recording.hpp"
#include "commands/open_target.hpp"
#include "commands/show.hpp"
#include "linux/proc.hpp"
#include "linux/right_to_look.hpp"
#include "linux/same_program.hpp"
#include "surveys/cpu_profile.hpp"
#include "surveys/slow.hpp"
#include "surveys/timing.hpp"
#include "views/json.hpp"
#include "views/slow.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;
using watch_clock = std::chrono::steady_clock;

struct slow_request : patience {
  std::string target;
  bool json = false;
  std::chrono::milliseconds over{10};
  std::optional<std::chrono::milliseconds> length;  ///< nothing: until it is interrupted
  std::uint64_t limit = 0;                          ///< 0: none
};

std::int64_t ns_since_epoch() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// Prints runs as they come.
class slow_printer {
 public:
  slow_printer(output& out, const slow_request& asked, pid_t pid) : out_(out), header_(new_view<v1::SlowView>(pid)) {
    header_.set_over_seconds(std::chrono::duration<double>(asked.over).count());
    if (asked.json) json_.emplace(out, header_, "runs");
    context_.style = out.style();
    context_.pid = pid;
  }

  /// False: nobody reads on.
  bool print(const slow_run& run, resolver& names) {
    ++runs_;
    longest_ = std::max(longest_, run.ns);
    const auto at = ns_since_epoch();
    if (json_) {
      v1::SlowRunView view;
      fill_view(run, at, names, view);
      json_->element(view);
    } else {
      render_slow_run(out_.text(), run, format_time(at), names, context_);
    }
    return out_.flush();
  }

  void end(std::chrono::nanoseconds watched, std::string note, std::chrono::milliseconds over) {
    if (json_) {
      header_.set_watched_seconds(std::chrono::duration<double>(watched).count());
      if (!note.empty()) header_.add_notes(std::move(note));
      json_->end(header_);
      return;
    }
    const auto seconds = std::chrono::duration<double>(watched).count();
    const auto least = format_nanoseconds(static_cast<std::uint64_t>(std::chrono::nanoseconds(over).count()));
    append(out_.text(), runs_ == 0 ? fmt::format("no run took {} or more, in {:.1f}s\n", least, seconds)
                                   : fmt::format("{} {} {} or more, in {:.1f}s; longest {}\n", runs_,
                                                 runs_ == 1 ? "run took" : "runs took", least, seconds,
                                                 format_nanoseconds(longest_)));
    if (!note.empty()) append(out_.text(), "! " + note + "\n");
  }

  [[nodiscard]] std::uint64_t runs() const noexcept { return runs_; }

 private:
  output& out_;
  v1::SlowView header_;
  std::optional<json_stream> json_;
  render_context context_;
  std::uint64_t runs_ = 0, longest_ = 0;
};

result<int> run_slow(const slow_request& asked, output& out) {
  if (asked.target.empty()) return usage_error("", "which process?", "give a PID or a name; tasks list shows them");
  target_options of;
  of.timeout = asked.timeout;
  of.target = asked.target;
  const auto source = open_target(of);
  if (!source) return source.why();
  auto timed = (*source)->time_runs(timing_lease);
  if (!timed) return timed.why();
  target& from = *(*source)->from();
  if (const auto& roots = from.roots(); !roots) return roots.why();
  const same_program program(from.pid());
  if (!program.still() && !program.is_refused()) return no_such_process(from.pid());
  if (!program.still()) return permission_error(subject_of(from.pid()), ask_kernel_about(from.pid()));
  // What a thread that was stopped did is named while others run; the files are opened before.
  open_code(from.code());
  // Where the target's threads keep all CPUs busy, who looks at one should not wait for a turn. Where that may not be,
  // it waits.
  ::setpriority(PRIO_PROCESS, 0, -20);
  slow_watch watch(**source, from, asked.over);
  slow_printer printer(out, asked, from.pid());
  const held_signals signals;
  const auto begin = watch_clock::now();
  auto next = begin;
  auto renewal = begin + 1s;
  std::string note;
  // What has run for longer has been timed from its beginning: ages may be a second old.
  constexpr auto looks_for_older_until = 4s;
  auto next_look = begin + 1s;
  for (auto now = begin; !asked.length || now < begin + *asked.length; now = watch_clock::now()) {
    if (!program.still()) {
      note = "it ended, or executes another program";
      break;
    }
    if (now >= renewal) {
      timed = (*source)->time_runs(timing_lease);
      if (!timed && program.still()) return timed.why();
      renewal = now + 1s;
      continue;
    }
    auto runs = watch.poll();
    bool goes_on = true;
    if (runs && now >= next_look && now < begin + looks_for_older_until) {
      next_look = now + 1s;
      for (auto& run : watch.find_older()) runs->push_back(std::move(run));
    }
    if (runs)
      for (const auto& run : *runs) {
        goes_on = goes_on && printer.print(run, watch.names());
        if (asked.limit != 0 && printer.runs() == asked.limit) goes_on = false;
      }
    if (!goes_on) break;
    next = std::max(next + std::chrono::duration_cast<watch_clock::duration>(watch.period()), now);
    if (signals.wait_until(next)) break;
  }
  if (!watch.refusal().empty()) note += (note.empty() ? "" : "; ") + ("no native stacks: " + watch.refusal());
  printer.end(watch_clock::now() - begin, note, asked.over);
  return 0;
}

}  // namespace

command slow_command() {
  option_of<slow_request> word{{"PID", "", "the target"},
                               [](slow_request& to, const std::string& typed) -> result<void> {
                                 if (!to.target.empty()) return usage_error(typed, "a second target", "one at a time");
                                 to.target = typed;
                                 return {};
                               }};
  return make_command<slow_request>(
      "slow",
      "catches workers in the act: each run of a task without a wait that is too long, with its stack, as it happens",
      {std::move(word)},
      {text("-p,--pid", "PID", "the target: a process id, or a name that one process has", &slow_request::target),
       duration("--over", "TIME", "from how long on a run is too long (default 10ms)", &slow_request::over, 1ms),
       value_option({"--for", "TIME", "how long to watch; without, until ^C"}, &slow_request::length,
                    [](std::string_view name, const std::string& typed) { return read_duration(name, typed, 10ms); }),
       count("--limit", "N", "stop after so many", &slow_request::limit),
       flag("--json", "one JSON document", &slow_request::json), timeout_option()},
      run_slow);
}

}  // namespace tasks::cli

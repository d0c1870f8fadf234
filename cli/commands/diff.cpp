#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/progress.hpp"
#include "base/quantities.hpp"
#include "commands/command.hpp"
#include "commands/open_recording.hpp"
#include "commands/open_target.hpp"
#include "surveys/difference.hpp"
#include "views/difference.hpp"
#include "views/json.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;

struct diff_request : view_options, patience {
  std::vector<std::string> files;
  std::optional<std::string> from;
  std::vector<std::string> at;
  std::string target;
  std::chrono::milliseconds interval{10'000};
  bool direct = false, hook = true;
  std::uint64_t limit = 20;
};

void tell_nobody(const std::string&) {}

/// What is compared, with what names it.
struct compared {
  std::unique_ptr<snapshot_source> source;
  std::string title;
};

result<compared> open_one(const std::string& file, const diff_request& asked, const std::optional<std::string>& at) {
  auto source = open_recording(file, asked.target, at, tell_nobody);
  if (!source) return source.why();
  const auto& then = *(*source)->recorded();
  auto title = fmt::format("{} {}, {}", then.process().name(), then.process().pid(), format_time(then.taken_at_ns()));
  return compared{*std::move(source), std::move(title)};
}

bool are_of_one_process(const v1::RecordedFacts& one, const v1::RecordedFacts& other) {
  return one.process().pid() == other.process().pid() && one.start_time() == other.start_time() &&
         one.host() == other.host() && one.core() == other.core();
}

int print(const difference& found, const difference_style& style, const diff_request& asked,
          const render_context& context, output& out) {
  if (asked.json) {
    auto view = new_view<v1::DiffView>(context.pid);
    fill_view(found, style, view);
    print_document(out, view);
  } else {
    render_difference(out.text(), found, style, context);
  }
  return 0;
}

result<int> compare_recorded(const compared& earlier, const compared& later, const std::string& file,
                             const diff_request& asked, output& out) {
  const auto& before = *earlier.source->recorded();
  const auto& after = *later.source->recorded();
  const auto seconds = static_cast<double>(after.taken_at_ns() - before.taken_at_ns()) / 1e9;
  difference_survey survey;
  if (const auto read = survey.read_earlier(*earlier.source); !read) return read.why();
  resolver names(*later.source, {});
  const auto found = survey.compare(*later.source, names, seconds, are_of_one_process(before, after));
  if (!found) return found.why();
  const render_context context{
      .style = out.style(), .resolution_ms = found->resolution_ms, .pid = later.source->pid(), .recording = file};
  return print(*found, {earlier.title, later.title, asked.limit}, asked, context, out);
}

result<int> compare_files(const diff_request& asked, output& out) {
  if (asked.from || !asked.at.empty())
    return usage_error("diff", "two files, and --from or --at besides", "two files, or --from FILE with two --at");
  if (asked.files.size() != 2)
    return usage_error("diff", number_and_noun(asked.files.size(), "file"), "two recordings, the earlier one first");
  const auto earlier = open_one(asked.files[0], asked, std::nullopt);
  if (!earlier) return earlier.why();
  const auto later = open_one(asked.files[1], asked, std::nullopt);
  if (!later) return later.why();
  return compare_recorded(*earlier, *later, asked.files[1], asked, out);
}

/// The first and the last one, where no others are chosen.
result<int> compare_times(const diff_request& asked, output& out) {
  if (asked.at.size() > 2) return usage_error("--at", "more than two times", "the earlier one and the later one");
  const auto first = asked.at.empty() ? std::string("1") : asked.at.front();
  const auto last = asked.at.size() < 2 ? std::nullopt : std::optional(asked.at.back());
  const auto earlier = open_one(*asked.from, asked, first);
  if (!earlier) return earlier.why();
  const auto later = open_one(*asked.from, asked, last);
  if (!later) return later.why();
  return compare_recorded(*earlier, *later, *asked.from + (last ? " --at " + *last : ""), asked, out);
}

result<int> compare_now(const diff_request& asked, output& out) {
  if (!asked.at.empty())
    return usage_error("--at", "there is no recording whose time it could be", "add --from FILE, or --interval");
  target_options of;
  of.timeout = asked.timeout;
  of.target = asked.target;
  of.direct = asked.direct;
  of.hook = asked.hook;
  const auto source = open_target(of);
  if (!source) return source.why();
  const auto begin = std::chrono::steady_clock::now();
  difference_survey survey;
  if (const auto read = survey.read_earlier(**source); !read) return read.why();
  std::this_thread::sleep_until(begin + asked.interval);
  if (auto* from = (*source)->from())
    if (const auto looked = from->look_again(stop_order::whom::who_runs, {}); !looked) return looked.why();
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
  resolver names(**source, {});
  const auto found = survey.compare(**source, names, passed.count(), true);
  if (!found) return found.why();
  const auto title = fmt::format("pid {}", (*source)->pid());
  return print(*found, {title, fmt::format("{:.1f}s later", passed.count()), asked.limit}, asked,
               context_of(of, **source, out, found->resolution_ms), out);
}

result<int> run_diff(const diff_request& asked, output& out) {
  const progress_line line;
  if (!asked.files.empty()) return compare_files(asked, out);
  if (asked.from) return compare_times(asked, out);
  if (asked.target.empty())
    return usage_error("", "what is to be compared?", "two recordings, --from FILE --at TIME --at TIME, or -p PID");
  return compare_now(asked, out);
}

option_of<diff_request> file_words() {
  option_of<diff_request> made{{"FILE", "", "two recordings: of each its last snapshot"},
                               [](diff_request& to, const std::string& typed) -> result<void> {
                                 to.files.push_back(typed);
                                 return {};
                               }};
  made.repeats = true;
  return made;
}

option_of<diff_request> at_option() {
  option_of<diff_request> made{
      {"--at", "N|TIME",
       "of a recording: the earlier snapshot and, given again, the later one; without, the first "
       "and the last"},
      [](diff_request& to, const std::string& typed) -> result<void> {
        to.at.push_back(typed);
        return {};
      }};
  made.repeats = true;
  return made;
}

}  // namespace

command diff_command() {
  return make_command<diff_request>(
      "diff",
      "what changed between two snapshots: stacks that are new, vanished or grew, and which tasks came and went",
      {file_words()},
      {text("-p,--pid", "PID", "a process that is looked at twice; of recordings, which one", &diff_request::target),
       duration("--interval", "SECONDS", "between the two looks (default 10)", &diff_request::interval, 10ms),
       text("--from", "FILE", "compare two snapshots of this recording", &diff_request::from), at_option(),
       count("--limit", "N", "at most so many stacks (default 20)", &diff_request::limit), json_option(),
       timeout_option(),
       flag("--direct", "read the target's memory instead of asking its agent", &diff_request::direct),
       flag("--no-hook", "find the tasks as in a program that was built without the hook", &diff_request::hook, false)},
      run_diff);
}

}  // namespace tasks::cli

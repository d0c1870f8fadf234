#include "views/stack.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "commands/command.hpp"
#include "commands/open_recording.hpp"
#include "commands/show.hpp"
#include "export/task_stacks.hpp"
#include "surveys/filtered_source.hpp"
#include "surveys/frame_addresses.hpp"
#include "surveys/locals.hpp"
#include "surveys/look.hpp"
#include "surveys/running_stacks.hpp"
#include "surveys/running_tasks.hpp"
#include "surveys/timing.hpp"
#include "surveys/unhooked_code.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds usual_timing{2000};

std::optional<error> contradiction(const stack_request& asked, const output& out) {
  if (asked.format && (asked.json || asked.group || asked.locals))
    return usage_error("--format", "a profile has a form of its own", "leave out --json, --group and --locals");
  if (asked.format && asked.watch) return usage_error("--format", "a profile is of one moment", "leave out --watch");
  if (asked.format == profile_format::pprof && out.style().terminal)
    return usage_error("--format pprof", "it is no text for a terminal", "> FILE, for go tool pprof FILE");
  if (asked.all_ids && !asked.group) return usage_error("--ids", "without --group every task is shown", "add --group");
  if (asked.locals && asked.group)
    return usage_error("--locals", "each task of a group has values of its own", "leave out --group");
  if (asked.locals && !asked.may_stop)
    return usage_error("--locals", "values are of one moment, for which threads that run are stopped",
                       "leave out --no-stop");
  if (asked.addresses && (asked.group || asked.format || asked.from))
    return usage_error(
        "--addresses",
        asked.from ? "addresses of frames are not recorded" : "each task of a group has frames of its own",
        asked.from     ? "leave out --from"
        : asked.format ? "leave out --format"
                       : "leave out --group");
  if (asked.order == sort_order::by_count && !asked.group)
    return usage_error("--sort", "only groups have a count", "add --group, or sort by id or age");
  const bool timed = asked.order == sort_order::by_busy;
  if (timed && asked.from) return usage_error("--sort busy", "no time passes in a snapshot", "leave out --from");
  if (timed && asked.core) return usage_error("--sort busy", "nothing runs in a core", "leave out --core");
  if (timed && (asked.format || asked.locals))
    return usage_error("--sort busy", "it takes a while, and this is of one moment",
                       asked.format ? "leave out --format; tasks profile" : "leave out --locals");
  if (asked.order == sort_order::by_id && asked.group)
    return usage_error("--sort", "groups have no id", "sort by count or age");
  const bool by_growth = asked.order == sort_order::by_growth;
  if (by_growth && !asked.group) return usage_error("--sort", "only groups grow", "add --group, or sort by id or age");
  if (by_growth && asked.core) return usage_error("--sort", "nothing grows in a core", "sort by count or age");
  if (asked.interval && (!(by_growth || timed) || asked.from))
    return usage_error(
        "--interval", by_growth ? "no time passes in a snapshot" : "it is the time of --sort busy and of --sort growth",
        "leave it out");
  return std::nullopt;
}

/// For tools that draw or read stacks.
result<void> write_profile(snapshot_source& source, const stack_request& asked, output& out) {
  filtered_source filtered(source, asked.chosen, {.all_frames = asked.all_frames});
  auto query = asked.chosen.query;
  query.set_limit(asked.limit);
  return write_task_stacks(out.text(), *asked.format, filtered, query,
                           {.all_frames = asked.all_frames, .native = asked.native && asked.may_stop}, title_of(source),
                           [&out] { return out.flush_if_large(); });
}

/// How many tasks each group has now, of those that are chosen.
result<counted_groups> count_groups(snapshot_source& source, const stack_request& asked, output& out) {
  stack_style style = {.group = true, .all_frames = asked.all_frames, .by = asked.by, .label = asked.label};
  style.of_tasks = asked.by != group_by::stack || !asked.chosen.is_of_groups();
  stack_printer counter(out, style, source, {}, nullptr, {}, {});
  auto query = asked.chosen.query;
  query.set_grouped(!style.of_tasks);
  filtered_source filtered(source, asked.chosen, {.all_frames = asked.all_frames});
  const auto read = filtered.stacks(query, [&](const v1::Chunk& chunk) { return counter.part(chunk); });
  if (!read) return read.why();
  return counter.count_groups();
}

/// The look before the one that `source` is for: of a recording its snapshot before that, of a process one now, after
/// which time passes.
result<counted_groups> look_before(snapshot_source& source, const stack_request& asked, output& out) {
  constexpr std::chrono::milliseconds usual_interval{10'000};
  if (const auto* then = source.recorded()) {
    const auto earlier = open_recording_before(*asked.from, asked.target, asked.at);
    if (!earlier) return earlier.why();
    auto counted = count_groups(**earlier, asked, out);
    if (counted)
      counted->seconds = static_cast<double>(then->taken_at_ns() - (*earlier)->recorded()->taken_at_ns()) / 1e9;
    return counted;
  }
  const auto begin = std::chrono::steady_clock::now();
  auto counted = count_groups(source, asked, out);
  if (!counted) return counted;
  std::this_thread::sleep_until(begin + asked.interval.value_or(usual_interval));
  if (auto* from = source.from())
    if (const auto looked = from->look_again(whom_to_stop(asked), {}); !looked) return looked.why();
  counted->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return counted;
}

result<int> run_stack(const stack_request& asked, output& out) {
  if (auto wrong = contradiction(asked, out)) return *std::move(wrong);
  const auto source = asked.locals ? open_target_at_one_moment(asked) : open_target(asked);
  if (!source) return source.why();
  if (asked.format) {
    if (const auto written = write_profile(**source, asked, out); !written) return written.why();
    return 0;
  }
  auto rest = asked;
  counted_groups earlier;
  if (asked.order == sort_order::by_growth) {
    auto counted = look_before(**source, asked, out);
    if (!counted) return counted.why();
    earlier = *std::move(counted);
    rest.earlier = &earlier;
  }
  std::vector<due_task> due;
  std::vector<busy_task> busy;
  // A copy does not tell what moves; what has gone on since is told by its version.
  if (const auto* from = (*source)->from(); asked.locals && from->is_alive() && from->has_hook()) {
    due = find_due(*live_target(from->pid()));
    busy = find_busy(*live_target(from->pid()));
    rest.due = &due;
    rest.busy = &busy;
  }
  if (const auto shown = show_stack(**source, rest, out); !shown) return shown.why();
  return 0;
}

group_order order_of_groups(sort_order asked) {
  switch (asked) {
    case sort_order::by_age:
      return group_order::by_age;
    case sort_order::by_busy:
      return group_order::by_busy;
    default:
      return group_order::by_count;
  }
}

task_order order_of_tasks(sort_order asked) {
  switch (asked) {
    case sort_order::by_age:
      return task_order::by_age;
    case sort_order::by_busy:
      return task_order::by_busy;
    default:
      return task_order::by_id;
  }
}

option_of<stack_request> format_option() {
  return {{"--format", "FORMAT",
           "a profile of the tasks by their stacks: pprof (for go tool pprof), folded (for "
           "flamegraph.pl) or speedscope; or as Go's runtime prints goroutines: goroutines (each with its "
           "stack) or goroutine-counts (each stack once)",
           task_format_words},
          [](stack_request& to, const std::string& typed) -> result<void> {
            to.format = parse_task_format(typed);
            if (to.format) return {};
            return usage_error("--format", fmt::format("\"{}\" is no form of a profile", typed),
                               "pprof, folded, speedscope, goroutines or goroutine-counts");
          }};
}

/// Of more tasks the groups are those of who is asked, which does not know who awaits them.
constexpr std::uint64_t most_grouped_here = 10'000;

/// Groups as they came.
struct grouped_answer {
  std::vector<v1::Chunk> parts;
  v1::Trailer trailer;

  result<v1::Trailer> tell(const chunk_visitor& visit) const {
    for (const auto& part : parts)
      if (!visit(part)) return v1::Trailer();
    return trailer;
  }
};

result<grouped_answer> ask_for_groups(snapshot_source& from, const v1::StacksRequest& query) {
  grouped_answer answer;
  const auto read = from.stacks(query, [&](const v1::Chunk& chunk) {
    answer.parts.push_back(chunk);
    return true;
  });
  if (!read) return read.why();
  answer.trailer = *read;
  return answer;
}

}  // namespace

result<void> show_stack(snapshot_source& from, const stack_request& asked, output& out) {
  std::optional<timed_source> timed;
  if (asked.order == sort_order::by_busy) {
    const auto done = time_runs_for(from, asked.interval.value_or(usual_timing));
    if (!done) return done.why();
    timed.emplace(from);
  }
  snapshot_source& source = timed ? *timed : from;
  const bool group = asked.group;
  auto query = asked.chosen.query;
  query.set_grouped(group);
  // Which groups read alike is known when all have come.
  query.set_limit(group ? 0 : asked.limit);
  // Whoever groups tasks names three of each group: for all of them every task is asked for, and grouped here.
  std::vector<due_task> due = asked.due ? *asked.due : std::vector<due_task>();
  if (!asked.due) due = look_for_due(source).due;
  std::vector<busy_task> busy = asked.busy ? *asked.busy : std::vector<busy_task>();
  if (!asked.busy) busy = look_for_busy(source);
  // Who is due or busy is told by its id.
  bool of_tasks = group && (asked.all_ids || asked.by != group_by::stack || !asked.chosen.is_of_groups() ||
                            !due.empty() || !busy.empty());
  if (of_tasks) query.set_grouped(false);
  std::optional<running_stacks> native;
  if (asked.native && asked.may_stop && !group && may_select_running(query)) {
    auto look = running_stacks::look(source);
    if (!look) return look.why();
    native.emplace(*std::move(look));
  }
  const auto order = group ? task_order::by_id : order_of_tasks(asked.order);
  filtered_source filtered(source, asked.chosen, {.all_frames = asked.all_frames}, order);
  const bool is_told_by_agents = asked.chosen.is_of_agents() && order == task_order::by_id;
  auto& chosen = is_told_by_agents ? source : static_cast<snapshot_source&>(filtered);
  std::optional<grouped_answer> groups;
  // What has grown is told by what groups read as in both looks, the first of which is of groups.
  if (group && !of_tasks && asked.earlier == nullptr) {
    auto answer = ask_for_groups(chosen, query);
    if (!answer) return answer.why();
    of_tasks = answer->trailer.total() <= most_grouped_here && lack_places(answer->parts, source);
    query.set_grouped(!of_tasks);
    if (!of_tasks) groups = *std::move(answer);
  }
  const stack_style style = {.json = asked.json,
                             .group = group,
                             .of_tasks = of_tasks,
                             .all_ids = asked.all_ids,
                             .limit = asked.limit,
                             .all_frames = asked.all_frames,
                             .by = asked.by,
                             .label = asked.label,
                             .order = order_of_groups(asked.order),
                             .earlier = asked.earlier};
  std::optional<locals_survey> locals;
  if (asked.locals && source.from()) {
    locals.emplace(*source.from());
    if (const auto missing = locals->missing()) tell_on_standard_error("tasks: " + *missing);
  }
  std::optional<frame_addresses> addresses;
  if (asked.addresses && source.from()) {
    addresses.emplace(*source.from(), asked.chosen.query);
    if (const auto missing = addresses->missing()) tell_on_standard_error("tasks: " + *missing);
  }
  std::optional<stack_printer> printer;
  // Printing starts with the first part: an error before it leaves standard output empty.
  const auto start = [&]() -> stack_printer& {
    if (!printer) {
      auto context = context_of(asked, source, out, 1000);
      if (timed) context.timed_for_ns = timed->state().on_for_ns();
      printer.emplace(out, style, source, std::move(context), native ? &*native : nullptr, std::move(due),
                      std::move(busy));
      if (!group) printer->set_lookups(look_for_lookups(source));
      if (locals) printer->set_locals(*locals);
      if (addresses) printer->set_addresses(*addresses);
    }
    return *printer;
  };
  const auto print = [&](const v1::Chunk& chunk) { return start().part(chunk); };
  auto trailer = groups ? groups->tell(print) : chosen.stacks(query, print);
  if (!trailer) {
    if (printer) printer->end(nullptr);
    return trailer.why();
  }
  if (query.ids_size() == 1 && trailer->matched() == 0 && trailer->shown() == 0) {
    return error{error_code::no_such_task, subject_of(source.pid()), fmt::format("task {} is not there", query.ids(0)),
                 "it may have ended"};
  }
  std::optional<std::string> note;
  if (trailer->total() == 0)
    note = look_for_missing_hook(source);
  else if (!asked.watch)
    note = look_for_unhooked_code(source);
  if (note) start().set_note(*std::move(note));
  start().end(&*trailer);
  return {};
}

command stack_command() {
  std::vector<option_of<stack_request>> options;
  for (const auto& each : grouping()) options.push_back(each);
  for (const auto& each : filters()) options.push_back(each);
  options.push_back(
      flag("--ids", "with --group: every task of each group, not three of them", &stack_request::all_ids));
  options.push_back(duration("--interval", "SECONDS",
                             "with --sort growth: between the two looks (default 10); of a recording the one before "
                             "--at is the first; with --sort busy: for how long runs are timed (default 2)",
                             &stack_request::interval, std::chrono::milliseconds(10)));
  options.push_back(all_frames_option());
  options.push_back(flag("--locals",
                         "parameters and variables that live in the frames, with their values; the target is stopped "
                         "while its memory is copied",
                         &stack_request::locals));
  options.push_back(
      flag("--addresses", "where the frames lie in the target's memory, for debuggers", &stack_request::addresses));
  options.push_back(format_option());
  options.push_back(flag("--no-native", "no native stacks: no thread that runs is stopped, not even for a moment",
                         &stack_request::native, false));
  options.push_back(let_run_option());
  return make_command<stack_request>("stack", "the stack of every task, or of those that the options select",
                                     {pid_word()}, with_watched_target<stack_request>(std::move(options)),
                                     watched<run_stack>);
}

}  // namespace tasks::cli

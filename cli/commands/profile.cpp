#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/quantities.hpp"
#include "base/text.hpp"
#include "base/words.hpp"
#include "commands/command.hpp"
#include "commands/held_signals.hpp"
#include "commands/open_target.hpp"
#include "commands/show.hpp"
#include "export/formats.hpp"
#include "export/timeline.hpp"
#include "linux/proc.hpp"
#include "sources/memory_source.hpp"
#include "surveys/cpu_profile.hpp"
#include "surveys/deaths.hpp"
#include "surveys/wall_profile.hpp"
#include "target/roots.hpp"
#include "views/profile.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;

struct profile_request : patience, frame_options {
  std::string target;
  bool direct = false, hook = true;
  bool wall = false;
  std::chrono::milliseconds length{10'000};
  std::optional<std::uint64_t> rate;  ///< a second; nothing: as the mode has it
  std::optional<sampling_way> way;    ///< of CPU time; nothing: by events where they are allowed
  std::optional<profile_format> format;
  std::optional<std::string> file;
};

constexpr std::uint64_t usual_cpu_rate = 99, usual_wall_rate = 10, highest_rate = 1000;

/// The ends of names by which the form of a file is known.
struct named_form {
  std::string_view end;
  profile_format format;
};
constexpr std::array forms_by_name = {named_form{".pb.gz", profile_format::pprof},
                                      named_form{".pprof", profile_format::pprof},
                                      named_form{".prof", profile_format::pprof},
                                      named_form{".folded", profile_format::folded},
                                      named_form{".collapsed", profile_format::folded},
                                      named_form{".speedscope.json", profile_format::speedscope},
                                      named_form{".speedscope", profile_format::speedscope},
                                      named_form{".perfetto.json", profile_format::perfetto},
                                      named_form{".perfetto", profile_format::perfetto},
                                      named_form{".trace.json", profile_format::perfetto}};

/// Nothing: text for people.
result<std::optional<profile_format>> form_of(const profile_request& asked) {
  if (asked.format || !asked.file) return asked.format;
  for (const auto& each : forms_by_name)
    if (asked.file->ends_with(each.end)) return std::optional(each.format);
  return usage_error("--output " + *asked.file, "its name does not say what is to be written",
                     "end it with .pb.gz, .folded, .speedscope.json or .perfetto.json, or add --format");
}

std::optional<error> contradiction_in(const profile_request& asked, std::optional<profile_format> form,
                                      const output& out) {
  if (asked.target.empty()) return usage_error("", "which process?", "give a PID or a name; tasks list shows them");
  if (asked.rate && *asked.rate > highest_rate)
    return usage_error("--rate", fmt::format("{} a second is too often", *asked.rate),
                       fmt::format("{} or less", highest_rate));
  if (asked.way && (asked.wall || form == profile_format::perfetto))
    return usage_error("--by", "it is a way to sample CPU time", "without --wall, and with --format pprof, say");
  if (form == profile_format::pprof && !asked.file && out.style().terminal)
    return usage_error("--format pprof", "it is no text for a terminal", "-o FILE, for go tool pprof FILE");
  return std::nullopt;
}

/// A file that is there when it is whole, and not before.
class whole_file {
 public:
  static result<whole_file> open(const std::string& name) {
    whole_file made(name);
    made.file_ = descriptor(::open(made.unfinished_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!made.file_) return error{error_code::usage, "--output " + name, ::strerror(errno), ""};
    return made;
  }
  whole_file(whole_file&& other) noexcept
      : name_(other.name_), unfinished_(std::exchange(other.unfinished_, "")), file_(std::move(other.file_)) {}
  whole_file& operator=(whole_file&&) = delete;
  ~whole_file() {
    if (!unfinished_.empty()) ::unlink(unfinished_.c_str());
  }

  result<void> keep(const fmt::memory_buffer& text) {
    output to(file_.get());
    append(to.text(), {text.data(), text.size()});
    if (const auto written = to.finish(); !written)
      return error{error_code::system, "--output " + name_, written.why().fact, ""};
    if (std::rename(unfinished_.c_str(), name_.c_str()) != 0)
      return error{error_code::system, "--output " + name_, ::strerror(errno), ""};
    unfinished_.clear();
    return {};
  }

 private:
  explicit whole_file(const std::string& name) : name_(name), unfinished_(name + ".part") {}
  std::string name_, unfinished_;
  descriptor file_;
};

std::int64_t now_since_epoch() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// What was sampled, in whatever form it is to be written.
struct sampled {
  stack_profile stacks;
  std::map<std::pair<std::string, std::string>, std::uint64_t> chains;  ///< time of {wait, awaits}
  std::optional<timeline> tracks;
  profile_title title;
  std::vector<std::string> summary;
  std::uint64_t untold = 0;  ///< samples in a task, of which it is not known which
};

std::vector<profiled_function> functions_of(const stack_profile& profile) {
  struct sums {
    std::uint64_t self_ns = 0, total_ns = 0;
    std::map<std::uint32_t, std::uint64_t> places;
  };
  std::map<std::string, sums> functions;
  for (const auto& stack : profile.stacks()) {
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < stack.places.size(); ++i) {
      const auto& place = profile.places()[stack.places[i]];
      auto& sum = functions[place.function];
      if (i == 0) sum.self_ns += stack.amount;
      if (!seen.insert(place.function).second) continue;
      sum.total_ns += stack.amount;
      sum.places[stack.places[i]] += stack.amount;
    }
  }
  std::vector<profiled_function> found;
  for (const auto& [function, sum] : functions) {
    const auto most = std::max_element(sum.places.begin(), sum.places.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    const auto& place = profile.places()[most->first];
    found.push_back({function, place.file.empty() ? "" : fmt::format("{}:{}", base_name(place.file), place.line),
                     sum.self_ns, sum.total_ns});
  }
  return found;
}

void print_page(const sampled& what, bool wall, std::chrono::nanoseconds length, output& out) {
  profile_page page{
      .wall = wall, .length_ns = static_cast<std::uint64_t>(length.count()), .functions = {}, .chains = {}};
  for (const auto& stack : what.stacks.stacks()) page.all_ns += stack.amount;
  page.functions = functions_of(what.stacks);
  for (const auto& [key, ns] : what.chains) page.chains.push_back({key.second, key.first, ns});
  for (const auto& line : what.summary) append(out.text(), line + "\n");
  render_profile(out.text(), std::move(page), out.style());
}

/// What a task adds to its chain of awaits: all that its thread was in, but for what resumed the task.
std::vector<native_frame> frames_within(const native_stack& stack) {
  auto frames = frames_of_task(stack);
  while (frames.size() > 1 && frames.back().plumbing && !frames.back().is_coroutine)
    frames = frames.first(frames.size() - 1);
  return {frames.begin(), frames.end()};
}

void name_stacks(const cpu_profile& profile, target& from, snapshot_source* source, bool all_frames, sampled& to) {
  native_stacks natives(from.code(), from.names());
  const resolver_options options{.all_frames = all_frames};
  auto names = source != nullptr ? resolver(*source, options) : resolver(options);
  names.learn(profile.locations);
  resolved what;
  for (const auto& each : profile.stacks) {
    const auto native = natives.of(unwound_stack{each.addresses, true});
    std::size_t stack = 0;
    std::pair<std::string, std::string> chain{"", "thread " + each.thread + " (no task)"};
    if (each.task && (!each.starts || is_in_task(native))) {
      auto task = *each.task;
      task.set_state(v1::Task::RUNNING);
      names.resolve(task, what);
      what.native = frames_within(native);
      stack = to.stacks.find(task, what, {{"thread", each.thread}});
      chain = {"running", chain_words(what)};
    } else if (source != nullptr && is_in_task(native)) {
      to.untold += each.samples;
      stack = to.stacks.find(native.frames, {{"state", "task not known"}, {"thread", each.thread}});
      chain.second = "thread " + each.thread + " (task not known)";
    } else {
      stack = to.stacks.find(native.frames, {{"state", "no task"}, {"thread", each.thread}});
    }
    to.stacks.add(stack, each.samples, each.cpu_ns);
    to.chains[std::move(chain)] += each.cpu_ns;
  }
}

/// Samples in a thread of its own, which ends when it should: by that the kernel lets go whatever is still stopped.
result<cpu_profile> sample_until_told(target& from, const cpu_options& options) {
  const held_signals signals(held_signals::besides::all);
  std::atomic<bool> stop{false}, done{false};
  std::optional<result<cpu_profile>> made;
  std::thread sampler([&] {
    made.emplace(profile_cpu(from, options, stop));
    done = true;
  });
  // ^C is answered at once, an early end a little later: each look at `done` takes a CPU from somebody.
  const auto end = std::chrono::steady_clock::now() + options.length;
  while (!done) {
    const auto now = std::chrono::steady_clock::now();
    if (signals.wait_until(now + std::clamp<std::chrono::nanoseconds>(end - now, 10ms, 200ms))) stop = true;
  }
  sampler.join();
  return *std::move(made);
}

std::string untold_words(std::uint64_t untold, const cpu_profile& made) {
  return fmt::format("{} of {} were in a task of which it is not known which{}", in_thousands(untold),
                     in_thousands(made.samples), made.by_events ? ": --by stops tells" : "");
}

result<sampled> sample_cpu(pid_t pid, const profile_request& asked, output& out, bool as_text) {
  const auto process = asked.hook ? live_target(pid) : live_target_without_hook(pid);
  const auto& roots = process->roots();
  if (!roots && roots.why().code != error_code::not_instrumented) return roots.why();
  std::unique_ptr<snapshot_source> source;
  if (asked.hook && roots) {
    auto opened = open_direct(process);
    if (!opened) return opened.why();
    source = *std::move(opened);
  } else {
    tell_on_standard_error(fmt::format("tasks: {}: no hook: samples have native stacks alone", subject_of(pid)));
  }
  const std::chrono::nanoseconds period{1'000'000'000 / static_cast<std::int64_t>(asked.rate.value_or(usual_cpu_rate))};
  sampled what;
  what.title = {subject_of(pid), executable_of(pid), now_since_epoch(), values_of_time("cpu", period)};
  what.title.values.shows_state = false;
  auto made = sample_until_told(*process, {period, asked.length, asked.way.value_or(sampling_way::events_or_stops)});
  if (!made) return made.why();
  what.summary = summary_of(*made, subject_of(pid));
  if (made->samples == 0)
    what.summary.push_back("nothing was sampled: its threads hardly ran (--wall shows what its tasks wait for)");
  else if (source && !made->finds_tasks)
    what.summary.push_back("no thread that was sampled has run tasks");
  what.title.values.duration_ns = made->length.count();
  name_stacks(*made, *process, source.get(), asked.all_frames, what);
  if (what.untold != 0) what.summary.push_back(untold_words(what.untold, *made));
  if (as_text) print_page(what, false, made->length, out);
  return what;
}

class wall_collector final : public wall_visitor {
 public:
  explicit wall_collector(sampled& to) : to_(to) {}
  void begin_look(std::chrono::nanoseconds at, std::uint64_t) override {
    settle(at);
    if (to_.tracks) to_.tracks->begin_look(at);
  }
  void see(const v1::Task& task, const resolved& meaning) override {
    if (to_.tracks) {
      to_.tracks->see(task, meaning);
      return;
    }
    ++seen_[to_.stacks.find(task, meaning)];
    const auto wait = task.state() == v1::Task::BLOCKED ? kind_name(task.wait().kind()) : state_name(task.state());
    ++seen_chains_[{std::string(wait), chain_words(meaning)}];
  }
  void end(std::chrono::nanoseconds at) override {
    settle(at);
    if (to_.tracks) to_.tracks->end(at);
  }

 private:
  /// What was seen holds until the next look.
  void settle(std::chrono::nanoseconds at) {
    const auto passed = static_cast<std::uint64_t>((at - last_).count());
    for (const auto& [stack, tasks] : seen_) to_.stacks.add(stack, tasks, tasks * passed);
    for (const auto& [chain, tasks] : seen_chains_) to_.chains[chain] += tasks * passed;
    seen_.clear();
    seen_chains_.clear();
    last_ = at;
  }

  sampled& to_;
  std::chrono::nanoseconds last_{0};
  std::map<std::size_t, std::uint64_t> seen_;
  std::map<std::pair<std::string, std::string>, std::uint64_t> seen_chains_;
};

result<sampled> sample_wall(pid_t pid, const profile_request& asked, bool as_timeline, output& out, bool as_text) {
  target_options of;
  of.timeout = asked.timeout;
  of.target = std::to_string(pid);
  of.direct = asked.direct;
  of.hook = asked.hook;
  auto source = open_target(of);
  if (!source) return source.why();
  const std::chrono::nanoseconds period{1'000'000'000 /
                                        static_cast<std::int64_t>(asked.rate.value_or(usual_wall_rate))};
  sampled what;
  what.title = {subject_of(pid), executable_of(pid), now_since_epoch(), values_of_time("wall", period)};
  if (as_timeline) what.tracks.emplace();
  wall_collector collector(what);
  const held_signals signals;
  const auto made = profile_wall(
      **source, {period, asked.length, asked.all_frames, as_timeline},
      [&](auto until) { return signals.wait_until(until); }, collector);
  if (!made) return made.why();
  what.summary = summary_of(*made, subject_of(pid));
  if (as_timeline && what.tracks->left_out() != 0)
    what.summary.push_back(fmt::format("{} slices were left out: there are too many", what.tracks->left_out()));
  if (!made->not_timed.empty()) what.summary.push_back("runs were not timed: " + made->not_timed);
  what.title.values.duration_ns = made->length.count();
  if (as_text) print_page(what, true, made->length, out);
  return what;
}

/// What to do with a file of this form, whose name stands for {}.
std::string_view next_step_with(profile_format form) {
  switch (form) {
    case profile_format::folded:
      return "flamegraph.pl {} > profile.svg";
    case profile_format::speedscope:
      return "open it at https://www.speedscope.app";
    case profile_format::perfetto:
      return "open it at https://ui.perfetto.dev";
    case profile_format::pprof:
    case profile_format::goroutines:  // of stacks alone
    case profile_format::goroutine_counts:
      break;
  }
  return "go tool pprof -http=: {}";
}

/// "lab" of the process's executable.
std::string name_of(const profile_title& title) {
  return std::string(title.executable.empty() ? title.subject : base_name(title.executable));
}

result<int> run_profile(const profile_request& asked, output& out) {
  const auto form = form_of(asked);
  if (!form) return form.why();
  if (auto wrong = contradiction_in(asked, *form, out)) return *std::move(wrong);
  const auto pid = find_process(asked.target);
  if (!pid) return pid.why();
  std::optional<whole_file> file;
  if (asked.file) {
    auto opened = whole_file::open(*asked.file);
    if (!opened) return opened.why();
    file.emplace(*std::move(opened));
  }
  const bool as_timeline = *form == profile_format::perfetto;
  if (::isatty(STDERR_FILENO) == 1)
    tell_on_standard_error(fmt::format("tasks: profiling {} for {:g}s; ^C ends it early", subject_of(*pid),
                                       std::chrono::duration<double>(asked.length).count()));
  const bool as_text = !*form;
  auto what = asked.wall || as_timeline ? sample_wall(*pid, asked, as_timeline, out, as_text)
                                        : sample_cpu(*pid, asked, out, as_text);
  if (!what) return what.why();
  if (as_text) return 0;
  what->title.values.remarks = what->summary;
  fmt::memory_buffer written;
  if (as_timeline)
    what->tracks->write(written, *pid, name_of(what->title));
  else
    write_stacks(written, **form, what->stacks, what->title);
  if (!file) {
    append(out.text(), {written.data(), written.size()});
    for (const auto& line : what->summary) tell_on_standard_error("tasks: " + line);
    return 0;
  }
  if (const auto kept = file->keep(written); !kept) return kept.why();
  for (const auto& line : what->summary) append(out.text(), line + "\n");
  append(out.text(), *asked.file + ": " + fmt::format(fmt::runtime(next_step_with(**form)), *asked.file) + "\n");
  return 0;
}

std::vector<std::string> profile_format_words() {
  auto words = stack_format_words();
  words.emplace_back("perfetto");
  return words;
}

option_of<profile_request> profile_format_option() {
  return {{"--format", "FORMAT",
           "pprof (for go tool pprof), folded (for flamegraph.pl), speedscope, or perfetto: a timeline of each task's "
           "waits and runs, as of --wall, for which runs are timed; without, what the name of the file says, or text",
           profile_format_words},
          [](profile_request& to, const std::string& typed) -> result<void> {
            to.format = typed == "perfetto" ? profile_format::perfetto : parse_stack_format(typed);
            if (to.format) return {};
            return usage_error("--format", fmt::format("\"{}\" is no form of a profile", typed),
                               "pprof, folded, speedscope or perfetto");
          }};
}

std::vector<std::string> way_words() { return {"perf", "stops"}; }

option_of<profile_request> way_option() {
  return {
      {"--by", "WAY",
       "how threads are sampled: perf (by perf events, which stop nobody; some samples have no task) or stops (each "
       "thread is stopped for a moment); without, by perf events where they are allowed",
       way_words},
      [](profile_request& to, const std::string& typed) -> result<void> {
        if (typed != "perf" && typed != "stops")
          return usage_error("--by", fmt::format("\"{}\" is no way to sample", typed), "perf or stops");
        to.way = typed == "perf" ? sampling_way::events : sampling_way::stops;
        return {};
      }};
}

option_of<profile_request> profiled_word() {
  return {{"PID", "", "the target"}, [](profile_request& to, const std::string& typed) -> result<void> {
            if (!to.target.empty()) return usage_error(typed, "a second target", "one at a time");
            to.target = typed;
            return {};
          }};
}

}  // namespace

command profile_command() {
  return make_command<profile_request>(
      "profile",
      "where CPU time goes, each native stack on top of its task's awaits and spawn site; --wall: what all tasks wait "
      "on",
      {profiled_word()},
      {text("-p,--pid", "PID", "the target: a process id, or a name that one process has", &profile_request::target),
       duration("--for", "TIME", "how long (default 10s); ^C ends it early, and keeps what was sampled",
                &profile_request::length, 10ms),
       count("--rate", "N", "samples a second (default 99), or looks with --wall (default 10)", &profile_request::rate),
       flag("--wall", "look at all tasks, by what they wait on, instead of at threads on a CPU",
            &profile_request::wall),
       way_option(), profile_format_option(),
       text("-o,--output", "FILE",
            "where to write it: NAME.pb.gz, NAME.folded, NAME.speedscope.json, NAME.perfetto.json, or any name with "
            "--format",
            &profile_request::file),
       all_frames_option(), timeout_option(),
       flag("--direct", "with --wall: read the target's memory instead of asking its agent", &profile_request::direct),
       flag("--no-hook",
            "as of a program that was built without the hook: native stacks alone, or tasks found anew at "
            "each look",
            &profile_request::hook, false)},
      run_profile);
}

}  // namespace tasks::cli

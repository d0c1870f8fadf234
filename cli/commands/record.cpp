#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/quantities.hpp"
#include "base/text.hpp"
#include "commands/command.hpp"
#include "commands/gather.hpp"
#include "commands/held_signals.hpp"
#include "commands/open_target.hpp"
#include "commands/read_condition.hpp"
#include "linux/proc.hpp"
#include "sources/recording_file.hpp"
#include "surveys/conditions.hpp"
#include "surveys/recorder.hpp"
#include "target/roots.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

struct record_request : patience {
  std::vector<std::string> targets;
  std::optional<std::string> file;
  std::chrono::milliseconds every{10'000};
  std::optional<std::chrono::milliseconds> for_time;  ///< nothing: until it is interrupted
  bool threads = false, leaks = false, operations = false, memory = false;
  bool direct = false, hook = true;
  recording_limits limits;
  std::vector<condition> when;  ///< empty: every snapshot is kept
  std::uint64_t most_captures = 5, before = 2;
  std::chrono::milliseconds cool_down{600'000};
};

/// One of the processes that are recorded.
class recorded_target {
 public:
  recorded_target(pid_t pid, const record_request& asked) : pid_(pid), asked_(asked) {
    const auto executable = executable_of(pid);
    const auto stat = read_stat(pid);
    name_ = !executable.empty() ? std::string(base_name(executable)) : stat ? stat->name : "process";
    if (stat) start_time_ = stat->start_time;
  }

  [[nodiscard]] bool has_ended() const noexcept { return has_ended_; }
  [[nodiscard]] std::size_t snapshots() const noexcept { return snapshots_; }
  [[nodiscard]] std::string subject() const { return fmt::format("{} {}", name_, pid_); }

  /// Fails where the file does. That the process cannot be looked at, or has ended, is told and nothing else.
  result<void> take(recording_writer& to) {
    auto taken = look(asked_.leaks || asked_.memory);
    return taken ? keep(*std::move(taken), to) : result<void>();
  }

  result<void> keep(taken_snapshot taken, recording_writer& to) {
    auto written = to.append(std::move(taken.head), std::move(taken.parts));
    if (written) ++snapshots_;
    return written;
  }

  /// Nothing, and why is told: it cannot be looked at, or has ended. `copied`: its memory too.
  std::optional<taken_snapshot> look(bool copied) {
    if (!is_there()) return std::nullopt;
    auto taken = copied ? take_moment_of_it() : take_as_it_goes();
    if (taken) return *std::move(taken);
    failed(taken.why());
    return std::nullopt;
  }

  /// What is so, in words, of the first that holds. `is_fresh`: it was just looked at.
  std::optional<std::string> first_that_holds(std::vector<condition>& when, bool is_fresh) {
    if (!is_there()) return std::nullopt;
    if (const auto looked = is_fresh && source_ ? result<void>() : open_again(); !looked) {
      failed(looked.why());
      return std::nullopt;
    }
    for (auto& each : when) {
      const auto holds = look_for(*source_, each);
      if (!holds)
        failed(holds.why());
      else if (*holds)
        return **holds;
      if (!source_) break;
    }
    return std::nullopt;
  }

 private:
  bool is_there() {
    const auto stat = read_stat(pid_);
    if (!stat || stat->start_time != start_time_ || process_has_ended(*stat)) {
      if (!has_ended_) end();
      return false;
    }
    forget_code_if_it_changed();
    return true;
  }

  void failed(const error& why) {
    source_.reset();
    if (why.code == error_code::no_such_process || !read_stat(pid_))
      end();
    else
      tell(message(why));
  }

  [[nodiscard]] target_options options() const {
    target_options of;
    of.timeout = asked_.timeout;
    of.target = std::to_string(pid_);
    of.direct = asked_.direct;
    of.hook = asked_.hook;
    of.seen = seen_;
    return of;
  }

  /// After an exec, or when a library was loaded or unloaded, an address may be another function's.
  void forget_code_if_it_changed() {
    auto code = executable_mappings(pid_);
    if (code == code_) return;
    code_ = std::move(code);
    source_.reset();
    recorder_ = recorder();
    *seen_ = {};
  }

  /// Copies the process, for which its threads are stopped for a moment.
  result<taken_snapshot> take_moment_of_it() {
    auto found = gather(
        options(), pid_, [this](const std::string& line) { tell(line); }, asked_.memory);
    if (!found) return found.why();
    if (!found->source) return *found->why_no_tasks;
    auto looks = found->looks();
    looks.leaks = looks.leaks && (asked_.leaks || !asked_.when.empty());
    looks.operations = asked_.operations;
    looks.memory = asked_.memory;
    return recorder_.take(*found->source, looks);
  }

  result<void> open_again() {
    auto* known = source_ ? source_->from() : nullptr;
    if (known != nullptr && !known->has_hook()) return known->look_again(stop_order::whom::who_runs, {});
    auto opened = open_target(options(), [this](const std::string& line) { tell(line); });
    if (!opened) return opened.why();
    source_ = *std::move(opened);
    return {};
  }

  result<taken_snapshot> take_as_it_goes() {
    if (const auto looked = open_again(); !looked) return looked.why();
    return recorder_.take(*source_, {.stacks = asked_.threads, .operations = asked_.operations});
  }

  void end() {
    has_ended_ = true;
    tell_on_standard_error(fmt::format("tasks: {} has ended", clean(subject())));
  }

  /// Once, not every ten seconds.
  void tell(const std::string& line) {
    if (told_.insert(line).second) tell_on_standard_error(line);
  }

  pid_t pid_;
  const record_request& asked_;
  std::string name_;
  std::uint64_t start_time_ = 0;
  std::unique_ptr<snapshot_source> source_;
  recorder recorder_;
  std::shared_ptr<sightings> seen_ = std::make_shared<sightings>();
  std::size_t snapshots_ = 0;
  bool has_ended_ = false;
  std::string code_;  ///< its executable mappings
  std::set<std::string> told_;
};

result<std::vector<recorded_target>> find_targets(const record_request& asked) {
  std::vector<recorded_target> found;
  std::vector<pid_t> pids;
  for (const auto& word : asked.targets) {
    const auto of_word = find_processes(word);
    if (!of_word) return of_word.why();
    for (const auto pid : *of_word)
      if (std::find(pids.begin(), pids.end(), pid) == pids.end()) pids.push_back(pid);
  }
  for (const auto pid : pids) found.emplace_back(pid, asked);
  return found;
}

std::string file_name(const record_request& asked, const std::vector<recorded_target>& targets) {
  if (asked.file) return *asked.file;
  auto name = targets.size() == 1 ? targets.front().subject() : "recording";
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == ' ' || c == '/'; }, '-');
  return name + ".tasks";
}

result<void> record_until_it_ends(const record_request& asked, std::vector<recorded_target>& targets,
                                  recording_writer& file, const held_signals& signals) {
  const auto begin = clock::now();
  for (auto next = begin;; next = std::max(next + asked.every, clock::now())) {
    if (signals.wait_until(next)) return {};
    for (auto& each : targets)
      if (!each.has_ended())
        if (const auto taken = each.take(file); !taken) return taken.why();
    if (std::all_of(targets.begin(), targets.end(), [](const auto& each) { return each.has_ended(); })) return {};
    if (asked.for_time && next + asked.every > begin + *asked.for_time) return {};
  }
}

/// Files of one target, each of what was before, at and after a moment at which a condition held.
class captures {
 public:
  captures(recorded_target& of, const record_request& asked, std::string stem)
      : of_(of), asked_(asked), when_(asked.when), stem_(std::move(stem)) {}

  [[nodiscard]] std::size_t begun() const noexcept { return begun_; }
  [[nodiscard]] bool is_over() const noexcept { return !file_; }
  [[nodiscard]] bool has_ended() const noexcept { return of_.has_ended(); }

  /// One turn. `may_begin`: another one is allowed. Fails where a file does.
  result<void> look(bool may_begin) {
    auto now = asked_.before != 0 || file_ ? of_.look(false) : std::nullopt;
    if (file_) {
      auto last = std::exchange(file_, std::nullopt);
      if (now)
        if (const auto kept = of_.keep(*now, *last); !kept) return kept;
    }
    if (may_begin && clock::now() >= cool_until_)
      if (const auto why = of_.first_that_holds(when_, now.has_value()))
        if (const auto written = begin(*why); !written) return written;
    if (now) earlier_.push_back(*std::move(now));
    while (earlier_.size() > asked_.before) earlier_.pop_front();
    return {};
  }

 private:
  result<void> begin(const std::string& why) {
    std::tm utc{};
    const auto at = std::time(nullptr);
    ::gmtime_r(&at, &utc);
    char time[32];
    std::strftime(time, sizeof time, "%Y%m%dT%H%M%SZ", &utc);
    const auto name = fmt::format("{}-{}.tasks", stem_, time);
    auto file = recording_writer::open(name, asked_.limits);
    if (!file) return file.why();
    ++begun_;
    cool_until_ = clock::now() + asked_.cool_down;
    for (; !earlier_.empty(); earlier_.pop_front())
      if (const auto kept = of_.keep(std::move(earlier_.front()), *file); !kept) return kept;
    auto now = of_.look(true);
    if (now)
      if (const auto kept = of_.keep(*std::move(now), *file); !kept) return kept;
    tell_on_standard_error(
        fmt::format("tasks: {}: {}: recorded into {}", clean(of_.subject()), clean(why), clean(name)));
    file_ = *std::move(file);
    return {};
  }

  recorded_target& of_;
  const record_request& asked_;
  std::vector<condition> when_;
  std::string stem_;
  std::deque<taken_snapshot> earlier_;
  std::optional<recording_writer> file_;  ///< of one that its state afterwards is missing of
  clock::time_point cool_until_{};
  std::size_t begun_ = 0;
};

/// "server-4131" of "server-4131.tasks"; of each of several targets one.
std::string stem_of(const record_request& asked, const std::vector<recorded_target>& targets,
                    const recorded_target& of) {
  auto stem = asked.file.value_or("");
  if (stem.ends_with(".tasks")) stem.resize(stem.size() - std::string_view(".tasks").size());
  if (asked.file && targets.size() == 1) return stem;
  auto own = of.subject();
  std::replace_if(
      own.begin(), own.end(), [](char c) { return c == ' ' || c == '/'; }, '-');
  return stem.empty() ? own : fmt::format("{}-{}", stem, own);
}

result<int> capture_when(const record_request& asked, std::vector<recorded_target>& targets) {
  const held_signals signals;
  std::vector<captures> all;
  for (auto& each : targets) all.emplace_back(each, asked, stem_of(asked, targets, each));
  tell_on_standard_error(fmt::format("tasks: waiting for {}{}",
                                     asked.when.size() == 1 ? asked.when.front().words : "one of the conditions",
                                     asked.for_time ? "" : ", until interrupted"));
  const auto begun = [&] {
    std::size_t sum = 0;
    for (const auto& each : all) sum += each.begun();
    return sum;
  };
  const auto begin = clock::now();
  for (auto next = begin;; next = std::max(next + asked.every, clock::now())) {
    if (signals.wait_until(next)) break;
    for (auto& each : all)
      if (!each.has_ended())
        if (const auto looked = each.look(begun() < asked.most_captures); !looked) return looked.why();
    const bool is_full = begun() >= asked.most_captures;
    if (is_full &&
        std::all_of(all.begin(), all.end(), [](const captures& each) { return each.has_ended() || each.is_over(); }))
      return 0;
    if (std::all_of(all.begin(), all.end(), [](const captures& each) { return each.has_ended(); })) return 1;
    if (asked.for_time && next + asked.every > begin + *asked.for_time) break;
  }
  return begun() != 0 ? 0 : 1;
}

result<int> run_record(const record_request& asked, output& out) {
  if (asked.targets.empty()) return usage_error("", "which process?", "give a PID or a name; tasks list shows them");
  auto targets = find_targets(asked);
  if (!targets) return targets.why();
  if (!asked.when.empty()) return capture_when(asked, *targets);
  const auto name = file_name(asked, *targets);
  auto file = recording_writer::open(name, asked.limits);
  if (!file) return file.why();
  const held_signals signals;  // before anybody is told that it has begun
  tell_on_standard_error(
      fmt::format("tasks: recording into {}{}", clean(name), asked.for_time ? "" : ", until interrupted"));
  const auto recorded = record_until_it_ends(asked, *targets, *file, signals);
  std::size_t all = 0;
  for (const auto& each : *targets) {
    all += each.snapshots();
    fmt::format_to(std::back_inserter(out.text()), "{}: {} snapshot{}\n", clean(each.subject()), each.snapshots(),
                   each.snapshots() == 1 ? "" : "s");
  }
  fmt::format_to(std::back_inserter(out.text()), "{}: {}; tasks stack --from {}\n", clean(name),
                 format_bytes(file->bytes()), clean(name));
  if (!recorded) return recorded.why();
  return all != 0 ? 0 : 1;
}

option_of<record_request> targets_option(std::string_view names) {
  option_of<record_request> made{
      {names, names == "PID" ? "" : "PID", "the targets: process ids, or names, of which every process is one"},
      [](record_request& to, const std::string& typed) -> result<void> {
        to.targets.push_back(typed);
        return {};
      }};
  made.repeats = true;
  return made;
}

option_of<record_request> when_option() {
  option_of<record_request> made{
      {"--when", "CONDITION",
       "keep nothing until something is wrong: tasks>N, blocked>N, stalled>TIME, 'blocked-for KIND>TIME' or leaks (for "
       "which the memory is copied each time); a file then, of what was before, at that moment with a proof, and "
       "after; its name is that of -o and the time"},
      [](record_request& to, const std::string& typed) -> result<void> {
        auto read = read_condition(typed);
        if (!read) return read.why();
        to.when.push_back(*std::move(read));
        return {};
      }};
  made.repeats = true;
  return made;
}

option_of<record_request> with_option() {
  return {
      {"--with", "PARTS",
       "threads: native stacks, for which threads that run are stopped for a moment; leaks: a proof, operations: what "
       "pends without a task, memory: frames and the heap, for which the memory is copied; several: threads,leaks",
       [] {
         return std::vector<std::string>{"threads", "leaks", "operations", "memory", "threads,leaks"};
       }},
      [](record_request& to, const std::string& typed) -> result<void> {
        const std::string_view list = typed;
        for (std::size_t begin = 0; begin <= list.size();) {
          const auto end = std::min(list.find(',', begin), list.size());
          const auto part = list.substr(begin, end - begin);
          if (part != "threads" && part != "leaks" && part != "operations" && part != "memory")
            return usage_error("--with", fmt::format("\"{}\" is nothing that can be recorded", part),
                               "threads, leaks, operations, memory, or several: threads,leaks");
          (part == "threads"  ? to.threads
           : part == "leaks"  ? to.leaks
           : part == "memory" ? to.memory
                              : to.operations) = true;
          begin = end + 1;
        }
        return {};
      }};
}

/// "100M", "2G", "500K", or bytes.
result<std::uint64_t> read_size(std::string_view names, const std::string& typed) {
  std::uint64_t scale = 1;
  std::string_view digits = typed;
  constexpr std::string_view units = "KMG";
  if (!digits.empty())
    if (const auto unit = units.find(digits.back()); unit != units.npos) {
      scale = std::uint64_t{1} << (10 * (unit + 1));
      digits.remove_suffix(1);
    }
  const auto count = read_count(names, digits);
  if (!count || *count > UINT64_MAX / scale)
    return usage_error(std::string(names), fmt::format("\"{}\" is no size", typed), "such as 100M");
  return *count * scale;
}

}  // namespace

command record_command() {
  return make_command<record_request>(
      "record", "snapshots of one or several processes, in a file that every view can be asked of: --from FILE",
      {targets_option("PID")},
      {targets_option("-p,--pid"),
       text("-o,--output", "FILE", "what to record into, or to go on with; NAME-PID.tasks without",
            &record_request::file),
       duration("--every", "SECONDS", "how often (default 10)", &record_request::every, 10ms),
       {{"--for", "TIME", "how long, such as 1h; until it is interrupted without"},
        [](record_request& to, const std::string& typed) -> result<void> {
          const auto time = read_duration("--for", typed, 0ms);
          if (!time) return time.why();
          to.for_time = *time;
          return {};
        }},
       with_option(),
       when_option(),
       count("--limit", "N", "of --when: end after so many files (default 5)", &record_request::most_captures),
       duration("--cool-down", "TIME", "of --when: no other file of that process for so long (default 600)",
                &record_request::cool_down, 0ms),
       {{"--before", "N", "of --when: how many earlier snapshots are kept in memory for it (default 2); 0 takes none"},
        [](record_request& to, const std::string& typed) -> result<void> {
          if (typed == "0") {
            to.before = 0;
            return {};
          }
          const auto kept = read_count("--before", typed);
          if (!kept) return kept.why();
          to.before = std::min<std::uint64_t>(*kept, 1000);
          return {};
        }},
       {{"--max-size", "SIZE", "put the file aside as FILE.1 when it would grow beyond that, such as 100M"},
        [](record_request& to, const std::string& typed) -> result<void> {
          const auto size = read_size("--max-size", typed);
          if (!size) return size.why();
          to.limits.file_bytes = *size;
          return {};
        }},
       {{"--keep", "N", "how many of these there may be (default 4)"},
        [](record_request& to, const std::string& typed) -> result<void> {
          const auto kept = read_count("--keep", typed);
          if (!kept) return kept.why();
          to.limits.kept = static_cast<unsigned>(std::min<std::uint64_t>(*kept, 1000));
          return {};
        }},
       timeout_option(),
       flag("--direct", "read the targets' memory instead of asking their agents", &record_request::direct),
       flag("--no-hook", "find the tasks as in a program that was built without the hook", &record_request::hook,
            false)},
      run_record);
}

}  // namespace tasks::cli

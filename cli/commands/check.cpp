#include "views/check.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <string_view>
#include <thread>
#include <utility>

#include "base/quantities.hpp"
#include "base/text.hpp"
#include "base/words.hpp"
#include "commands/command.hpp"
#include "commands/open_target.hpp"
#include "linux/proc.hpp"
#include "target/roots.hpp"
#include "views/json.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;

struct check_request : view_options, patience {
  std::vector<std::string> targets;
  check_limits limits;
  std::chrono::milliseconds over{10'000};
};

/// "5000", "5000,10000": more is a warning, more than the second number is critical.
template <class Read>
result<limit> read_limit(std::string_view name, std::string_view text, Read read) {
  const auto comma = text.find(',');
  const auto wrong = [&](std::string_view part, std::string fact) {
    return usage_error(std::string(name), fmt::format("\"{}\" {}", part, fact),
                       "WARNING or WARNING,CRITICAL, each the most that is allowed");
  };
  const std::optional<double> warning = read(text.substr(0, comma));
  if (!warning) return wrong(text.substr(0, comma), "is no limit");
  limit made{*warning, std::nullopt};
  if (comma == text.npos) return made;
  made.critical = read(text.substr(comma + 1));
  if (!made.critical) return wrong(text.substr(comma + 1), "is no limit");
  if (*made.critical < made.warning) return wrong(text, "is critical before it is a warning");
  return made;
}

std::optional<double> read_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [at, failure] = std::from_chars(text.data(), end, value);
  if (failure != std::errc() || at != end) return std::nullopt;
  return static_cast<double>(value);
}

std::optional<double> read_seconds(std::string_view text) {
  const auto duration = parse_duration(text);
  return duration ? std::optional(static_cast<double>(duration->count()) / 1000) : std::nullopt;
}

/// "10/min", "10".
std::optional<double> read_rate(std::string_view text) {
  constexpr std::string_view a_minute = "/min";
  if (text.ends_with(a_minute)) text.remove_suffix(a_minute.size());
  return read_number(text);
}

template <class Read>
option_of<check_request> limit_option(std::string_view name, std::string_view value, std::string_view help,
                                      std::optional<limit> check_limits::*field, Read read) {
  return {{name, value, help}, [=](check_request& to, const std::string& typed) -> result<void> {
            const auto made = read_limit(name, typed, read);
            if (!made) return made.why();
            to.limits.*field = *made;
            return {};
          }};
}

std::vector<std::string> kinds_with_sign() {
  auto words = kind_words();
  for (auto& word : words) word += '=';
  return words;
}

/// "socket-read=5m", "socket-read=5m,10m".
result<void> add_wait(check_request& to, const std::string& typed) {
  const auto sign = typed.find('=');
  const std::string_view word = std::string_view(typed).substr(0, sign);
  const auto kind = parse_kind(word);
  if (!kind)
    return usage_error("--max-wait", fmt::format("\"{}\" is no kind of wait", word),
                       fmt::format("{}", fmt::join(kind_words(), ", ")));
  if (sign == typed.npos)
    return usage_error("--max-wait", fmt::format("\"{}\" has no limit", typed), "such as socket-read=5m");
  const auto made = read_limit("--max-wait", std::string_view(typed).substr(sign + 1), read_seconds);
  if (!made) return made.why();
  to.limits.waits.push_back({*kind, *made});
  return {};
}

option_of<check_request> target_word() {
  option_of<check_request> word{{"PID", "", "the targets: process ids, or names, of which every process is one"},
                                [](check_request& to, const std::string& typed) -> result<void> {
                                  to.targets.push_back(typed);
                                  return {};
                                }};
  word.repeats = true;
  return word;
}

target_options options_of(const check_request& asked, pid_t pid) {
  target_options of;
  of.timeout = asked.timeout;
  of.target = std::to_string(pid);
  return of;
}

std::vector<checked_process> find_all(const check_request& asked) {
  std::vector<checked_process> all;
  for (const auto& word : asked.targets) {
    const auto found = find_processes(word);
    if (!found) {
      all.push_back({word, 0, std::nullopt, in_words(found.why())});
      continue;
    }
    for (const auto pid : *found) {
      const auto executable = executable_of(pid);
      const auto stat = read_stat(pid);
      const auto name = !executable.empty() ? std::string(base_name(executable)) : stat ? stat->name : word;
      all.push_back({fmt::format("{} {}", name, pid), static_cast<std::uint32_t>(pid)});
    }
  }
  return all;
}

/// Nothing: it could not be asked, which the check itself will find.
std::optional<std::uint64_t> count_tasks(const check_request& asked, pid_t pid) {
  const auto source = open_target(options_of(asked, pid));
  if (!source) return std::nullopt;
  const auto vitals = (*source)->vitals(true, [](const v1::Chunk&) { return true; });
  return vitals ? std::optional(vitals->tasks()) : std::nullopt;
}

/// All at once: it takes as long for many as for one.
std::vector<std::optional<double>> measure_growth(const check_request& asked, const std::vector<checked_process>& all) {
  std::vector<std::optional<double>> growth(all.size());
  if (!asked.limits.growth) return growth;
  using clock = std::chrono::steady_clock;
  std::vector<std::pair<std::optional<std::uint64_t>, clock::time_point>> before;
  for (const auto& each : all)
    before.emplace_back(each.pid == 0 ? std::nullopt : count_tasks(asked, static_cast<pid_t>(each.pid)), clock::now());
  std::this_thread::sleep_for(asked.over);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& [first, then] = before[i];
    const auto last = first ? count_tasks(asked, static_cast<pid_t>(all[i].pid)) : std::nullopt;
    if (!last) continue;
    const std::chrono::duration<double, std::ratio<60>> minutes = clock::now() - then;
    growth[i] = std::round((static_cast<double>(*last) - static_cast<double>(*first)) / minutes.count() * 10) / 10;
  }
  return growth;
}

result<int> run_check(const check_request& asked, output& out) {
  if (asked.targets.empty()) return usage_error("", "which process?", "give a PID or a name; tasks list shows them");
  auto all = find_all(asked);
  const auto growth = measure_growth(asked, all);
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto& each = all[i];
    if (each.pid == 0) continue;
    const auto source = open_target(options_of(asked, static_cast<pid_t>(each.pid)));
    auto checked = source ? check_process(**source, asked.limits, growth[i]) : result<process_check>(source.why());
    if (checked)
      each.what = *std::move(checked);
    else
      each.why_unknown = in_words(checked.why());
  }
  if (asked.json) {
    v1::CheckView view;
    view.set_schema_version(schema_version);
    fill_view(all, view);
    print_document(out, view);
  } else {
    render_check(out.text(), all);
  }
  return static_cast<int>(state_of(all));
}

}  // namespace

command check_command() {
  option_of<check_request> max_wait{
      {"--max-wait", "KIND=AGE", "the longest that a task may wait for this, such as socket-read=5m", kinds_with_sign},
      add_wait};
  max_wait.repeats = true;
  return make_command<check_request>(
      "check",
      "for monitoring: one line as plugins print it, and exit code 0 (OK), 1 (WARNING), 2 (CRITICAL) or 3 (UNKNOWN); "
      "a limit is WARNING or WARNING,CRITICAL",
      {target_word()},
      {limit_option("--max-tasks", "N", "the most tasks that there may be", &check_limits::tasks, read_number),
       limit_option("--max-blocked", "N", "the most tasks that may be blocked", &check_limits::blocked, read_number),
       max_wait,
       limit_option("--max-growth", "N/min", "how many more tasks a minute there may be, measured --over some time",
                    &check_limits::growth, read_rate),
       duration("--over", "SECONDS", "how long growth is measured (default 10)", &check_request::over, 100ms),
       {{"--stalled", "SECONDS", "how long a worker may run one task (default 1); longer is critical"},
        [](check_request& to, const std::string& typed) -> result<void> {
          const auto after = read_duration("--stalled", typed, 1ms);
          if (!after) return after.why();
          to.limits.stalled_after = *after;
          return {};
        }},
       {{"--leaks", "", "tasks that will never wake are critical; its memory is copied to prove it"},
        [](check_request& to, const std::string&) -> result<void> {
          to.limits.leaks = true;
          return {};
        }},
       json_option(),
       timeout_option()},
      run_check);
}

}  // namespace tasks::cli

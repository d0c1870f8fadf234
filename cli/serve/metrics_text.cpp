#include "serve/metrics_text.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <initializer_list>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "base/words.hpp"
#include "utf8.hpp"

namespace tasks::cli {
namespace {

constexpr std::size_t longest_value = 200;
constexpr std::string_view cut_mark = "…";

/// A process may say anything of itself, and of its functions.
std::string bounded(std::string_view foreign) {
  auto text = clean(foreign);
  detail::make_utf8(text);
  if (text.size() <= longest_value) return text;
  auto end = longest_value - cut_mark.size();
  while ((static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
  return text.append(cut_mark);
}

using label = std::pair<std::string_view, std::string_view>;
using label_list = std::initializer_list<label>;

/// pid="4131",process="lab"
void write_labels(fmt::memory_buffer& out, label_list all) {
  for (const auto* each = all.begin(); each != all.end(); ++each) {
    if (each != all.begin()) out.push_back(',');
    append(out, each->first);
    append(out, "=\"");
    for (const char c : each->second) {
      if (c == '\\' || c == '"') out.push_back('\\');
      out.push_back(c);
    }
    out.push_back('"');
  }
}

/// "channel-receive"
std::string as_word(std::string_view name) {
  std::string word(name);
  std::replace(word.begin(), word.end(), ' ', '-');
  return word;
}

enum class metric_type { gauge, counter, info };

struct metric {
  std::string_view name;  ///< without the suffix of its type
  metric_type type;
  std::string_view unit;  ///< the end of its name; empty: none
  std::string_view help;
};

class metrics_writer {
 public:
  metrics_writer(fmt::memory_buffer& out, const host_metrics& seen, const metrics_options& options)
      : out_(out), seen_(seen), options_(options) {
    constexpr std::size_t usual_bytes = 4096;
    out.reserve(out.size() + (seen.processes.size() + 2) * usual_bytes);
    for (const auto& each : seen.processes) {
      fmt::memory_buffer prefix;
      write_labels(prefix, {{"pid", std::to_string(each.pid)}, {"process", bounded(each.name)}});
      prefixes_.push_back(fmt::to_string(prefix));
    }
  }

  void write() {
    write_host();
    write_processes();
    write_counts();
    write_counters();
    write_groups();
    write_leaks();
    if (options_.format == metrics_format::open_metrics) append(out_, "# EOF\n");
  }

 private:
  void begin(const metric& of) {
    const bool open = options_.format == metrics_format::open_metrics;
    const std::string_view suffix = of.type == metric_type::counter ? "_total"
                                    : of.type == metric_type::info  ? "_info"
                                                                    : "";
    sample_name_ = fmt::format("{}{}", of.name, suffix);
    const auto name = open ? std::string(of.name) : sample_name_;
    const std::string_view type = of.type == metric_type::counter        ? "counter"
                                  : of.type == metric_type::info && open ? "info"
                                                                         : "gauge";
    if (open) fmt::format_to(std::back_inserter(out_), "# TYPE {} {}\n", name, type);
    if (open && !of.unit.empty()) fmt::format_to(std::back_inserter(out_), "# UNIT {} {}\n", name, of.unit);
    fmt::format_to(std::back_inserter(out_), "# HELP {} {}\n", name, of.help);
    if (!open) fmt::format_to(std::back_inserter(out_), "# TYPE {} {}\n", name, type);
  }

  /// `prefix`: labels that are written already.
  template <class Number>
  void write_sample(std::string_view prefix, label_list more, Number value) {
    append(out_, sample_name_);
    if (!prefix.empty() || more.size() != 0) {
      out_.push_back('{');
      append(out_, prefix);
      if (!prefix.empty() && more.size() != 0) out_.push_back(',');
      write_labels(out_, more);
      out_.push_back('}');
    }
    fmt::format_to(std::back_inserter(out_), " {}\n", value);
  }
  template <class Number>
  void sample(label_list all, Number value) {
    write_sample("", all, value);
  }
  template <class Number>
  void sample(std::size_t process, label_list more, Number value) {
    write_sample(prefixes_[process], more, value);
  }

  template <class Each>
  void each_process(Each each) {
    for (std::size_t i = 0; i < seen_.processes.size(); ++i) each(i, seen_.processes[i]);
  }
  /// Of those whose tasks were counted.
  template <class Each>
  void each_counted(Each each) {
    each_process([&](std::size_t i, const process_metrics& of) {
      if (of.told_by != process_metrics::teller::nobody) each(i, of);
    });
  }
  /// A number of each.
  template <class Value>
  void of_counted(const metric& what, Value value) {
    begin(what);
    each_counted([&](std::size_t i, const process_metrics& of) { sample(i, {}, value(of)); });
  }

  void write_host() {
    begin({"tasks_build", metric_type::info, "", "The version of tasks that tells this."});
    sample({{"version", TASKS_VERSION}}, 1);
    begin({"tasks_scrape_duration_seconds", metric_type::gauge, "seconds",
           "How long the last look at all processes took. Several scrapes may be told of one look."});
    sample({}, seen_.look_seconds);
    begin({"tasks_scrape_looks", metric_type::counter, "", "Looks at all processes so far."});
    sample({}, seen_.looks);
    begin({"tasks_scrape_errors", metric_type::counter, "",
           "Processes whose agent could not be asked, one for each look: denied, it may not be; silent, it did not "
           "answer in time; failed, its answer made no sense, or ended early."});
    for (const std::string_view reason : {"denied", "failed", "silent"}) {
      const auto known = seen_.errors.find(reason);
      sample({{"reason", reason}}, known == seen_.errors.end() ? 0 : known->second);
    }
  }

  void write_processes() {
    begin({"tasks_up", metric_type::gauge, "",
           "1: the tasks of this process were counted, by its agent or from its memory; 0: they were not, and "
           "tasks_process_info says why."});
    each_process([&](std::size_t i, const process_metrics& of) {
      sample(i, {}, of.told_by == process_metrics::teller::nobody ? 0 : 1);
    });
    begin({"tasks_process", metric_type::info, "",
           "Of each process its executable, who counted its tasks (agent, memory, nobody), and why it was not its "
           "agent: no-agent, no-hook, denied, silent, stopped or failed."});
    each_process([&](std::size_t i, const process_metrics& of) {
      constexpr std::array<const char*, 3> tellers = {"agent", "memory", "nobody"};
      sample(i,
             {{"executable", bounded(of.executable)},
              {"source", tellers.at(static_cast<std::size_t>(of.told_by))},
              {"reason", of.reason}},
             1);
    });
    begin({"tasks_process_start_time_seconds", metric_type::gauge, "seconds",
           "When the process was started, in seconds since 1970. It tells processes apart that had one pid."});
    each_process([&](std::size_t i, const process_metrics& of) { sample(i, {}, of.started_at); });
    begin({"tasks_process_resident_memory_bytes", metric_type::gauge, "bytes", "Memory that the process has in RAM."});
    each_process([&](std::size_t i, const process_metrics& of) { sample(i, {}, of.counts.rss_bytes()); });
    begin({"tasks_process_cpu_seconds", metric_type::counter, "seconds",
           "CPU time that the process has used, in user and in kernel mode."});
    each_process([&](std::size_t i, const process_metrics& of) {
      sample(i, {}, static_cast<double>(of.counters.cpu_ms) / 1000);
    });
    begin({"tasks_os_threads", metric_type::gauge, "", "OS threads of the process, its agent's too."});
    each_process([&](std::size_t i, const process_metrics& of) { sample(i, {}, of.counts.os_threads()); });
  }

  void write_counts() {
    begin({"tasks_tasks", metric_type::gauge, "", "Tasks that have not ended, by state: blocked, ready or running."});
    each_counted([&](std::size_t i, const process_metrics& of) {
      std::array<std::uint64_t, 3> counts{};
      constexpr std::array<v1::Task::State, 3> states = {v1::Task::BLOCKED, v1::Task::READY, v1::Task::RUNNING};
      for (const auto& group : of.groups)
        for (std::size_t state = 0; state < states.size(); ++state)
          if (group.state == states[state]) counts[state] += group.count;
      for (std::size_t state = 0; state < states.size(); ++state)
        sample(i, {{"state", state_name(states[state])}}, counts[state]);
    });
    of_counted({"tasks_workers", metric_type::gauge, "", "Threads that have run a task and still exist."},
               [](const process_metrics& of) { return of.counts.workers(); });
    of_counted({"tasks_stalled_workers", metric_type::gauge, "",
                "Threads that have run one task for more than a second, without an await."},
               [](const process_metrics& of) { return of.stalled_workers; });
    begin({"tasks_cpus", metric_type::gauge, "",
           "CPUs that the process may use: its affinity mask, or its cgroup's quota where that is less."});
    each_counted([&](std::size_t i, const process_metrics& of) {
      if (of.counts.cpus() != 0) sample(i, {}, of.counts.cpus());
    });
  }

  void write_counters() {
    of_counted({"tasks_spawned", metric_type::counter, "", "Tasks spawned since the process began."},
               [](const process_metrics& of) { return of.counters.spawned; });
    of_counted({"tasks_ended", metric_type::counter, "", "Tasks that have ended since the process began."},
               [](const process_metrics& of) { return of.counters.ended; });
    of_counted({"tasks_failed", metric_type::counter, "",
                "Of those that have ended: by an exception that no other task awaits, other than of a cancelled "
                "operation."},
               [](const process_metrics& of) { return of.counters.failed; });
    of_counted({"tasks_cancelled", metric_type::counter, "",
                "Of those that have ended: by the exception of a cancelled operation, which no other task awaits."},
               [](const process_metrics& of) { return of.counters.cancelled; });
    of_counted({"tasks_lost", metric_type::counter, "",
                "Tasks that nothing is known of, because there was no memory to write them down; in no other metric."},
               [](const process_metrics& of) { return of.counters.lost; });
    begin({"tasks_resumes", metric_type::counter, "",
           "How often tasks were resumed since the process was first looked at. Counted from look to look, of tasks "
           "that a look finds: what a task did between the last look at it and its end is missing, and so is a task "
           "that came and ended between two looks. Absent while a process has more than 20000 tasks."});
    each_counted([&](std::size_t i, const process_metrics& of) {
      if (of.resumes) sample(i, {}, *of.resumes);
    });
  }

  void write_groups() {
    struct waiting {
      std::uint64_t count = 0;
      std::optional<std::uint64_t> oldest_ms;
    };
    std::vector<std::map<std::string, waiting>> waits;
    for (const auto& process : seen_.processes) {
      auto& by_kind = waits.emplace_back();
      for (const auto& group : process.groups) {
        if (group.state != v1::Task::BLOCKED) continue;
        auto& to = by_kind[as_word(kind_name(group.kind))];
        to.count += group.count;
        if (!group.age_unknown) to.oldest_ms = std::max(to.oldest_ms.value_or(0), group.oldest_ms);
      }
    }
    begin({"tasks_blocked", metric_type::gauge, "", "Blocked tasks, by what they wait for."});
    each_counted([&](std::size_t i, const process_metrics&) {
      for (const auto& [kind, its] : waits[i]) sample(i, {{"wait", kind}}, its.count);
    });
    begin({"tasks_oldest_wait_seconds", metric_type::gauge, "seconds",
           "How long the task has waited that has waited for longest, by what it waits for."});
    each_counted([&](std::size_t i, const process_metrics&) {
      for (const auto& [kind, its] : waits[i])
        if (its.oldest_ms) sample(i, {{"wait", kind}}, static_cast<double>(*its.oldest_ms) / 1000);
    });
    begin({"tasks_stack_tasks", metric_type::gauge, "",
           "Tasks by their stacks, of which so many as are configured are told, the largest: the innermost function "
           "with its file and line, what they wait for (or running, ready), and as entry the outermost function. All "
           "other tasks are of the function other."});
    each_counted([&](std::size_t i, const process_metrics& of) { write_stacks(i, of); });
  }

  void write_stacks(std::size_t i, const process_metrics& of) {
    using stack = std::array<std::string, 5>;  // function, file, line, wait, entry
    const auto name_of = [](const std::string& function) {
      return function.empty() ? std::string("<unknown>") : bounded(function);
    };
    std::map<stack, std::uint64_t> counts;
    for (const auto& group : of.groups) {
      const bool waits = group.state == v1::Task::BLOCKED;
      const bool of_kind = waits && group.kind != v1::Wait::OTHER && group.kind != v1::Wait::KIND_UNSPECIFIED;
      auto wait = of_kind ? as_word(kind_name(group.kind)) : bounded(waits ? group.what : state_name(group.state));
      counts[{name_of(group.inner_function), bounded(base_name(group.inner_file)),
              group.inner_line == 0 ? "" : std::to_string(group.inner_line), std::move(wait),
              name_of(group.function)}] += group.count;
    }
    std::vector<std::pair<std::uint64_t, const stack*>> sorted;
    for (const auto& [labels, count] : counts) sorted.emplace_back(count, &labels);
    // Equal ones in the same order at each look.
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    std::uint64_t others = 0;
    for (std::size_t place = 0; place < sorted.size(); ++place) {
      const auto& [count, labels] = sorted[place];
      const auto& [function, file, line, wait, entry] = *labels;
      if (place < options_.top_stacks)
        sample(i, {{"function", function}, {"file", file}, {"line", line}, {"wait", wait}, {"entry", entry}}, count);
      else
        others += count;
    }
    sample(i, {{"function", "other"}, {"file", ""}, {"line", ""}, {"wait", ""}, {"entry", ""}}, others);
  }

  void write_leaks() {
    begin({"tasks_leaks", metric_type::gauge, "",
           "Tasks by verdict, of when tasks leaks was last asked of this process: tasks_leaks_age_seconds. Absent: "
           "nobody has asked."});
    each_process([&](std::size_t i, const process_metrics& of) {
      if (!of.leaks) return;
      for (const auto& [verdict, count] : of.leaks->tasks) sample(i, {{"verdict", verdict}}, count);
    });
    begin({"tasks_leaks_age_seconds", metric_type::gauge, "seconds", "How long ago that was."});
    each_process([&](std::size_t i, const process_metrics& of) {
      if (of.leaks) sample(i, {}, of.leaks->age_seconds);
    });
  }

  fmt::memory_buffer& out_;
  const host_metrics& seen_;
  const metrics_options& options_;
  std::vector<std::string> prefixes_;  ///< labels of each process
  std::string sample_name_;
};

std::string_view without_spaces(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// "q=0", "Q = 0.000"
bool refuses(std::string_view parameter) {
  const auto equals = parameter.find('=');
  if (equals == parameter.npos) return false;
  const auto name = without_spaces(parameter.substr(0, equals));
  const auto value = without_spaces(parameter.substr(equals + 1));
  return (name == "q" || name == "Q") && value.starts_with('0') && value.find_first_not_of("0.") == value.npos;
}

std::string in_small_letters(std::string_view text) {
  std::string small(text);
  for (auto& c : small)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return small;
}

template <class Each>
void each_part(std::string_view text, char separator, Each each) {
  for (;;) {
    const auto end = text.find(separator);
    each(without_spaces(text.substr(0, end)));
    if (end == text.npos) return;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

std::string_view content_type_of(metrics_format format) {
  return format == metrics_format::open_metrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                                : "text/plain; version=0.0.4; charset=utf-8";
}

metrics_format format_accepted_by(std::string_view accept) {
  bool accepted = false;
  each_part(accept, ',', [&](std::string_view range) {
    bool named = false, refused = false;
    each_part(range, ';', [&](std::string_view part) {
      named = named || in_small_letters(part) == "application/openmetrics-text";
      refused = refused || refuses(part);
    });
    accepted = accepted || (named && !refused);
  });
  return accepted ? metrics_format::open_metrics : metrics_format::prometheus;
}

void write_metrics(fmt::memory_buffer& out, const host_metrics& seen, const metrics_options& options) {
  metrics_writer(out, seen, options).write();
}

}  // namespace tasks::cli

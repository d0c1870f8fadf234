#include "views/profile.hpp"

#include <algorithm>
#include <iterator>

#include "base/quantities.hpp"
#include "base/table.hpp"
#include "base/text.hpp"

namespace tasks::cli {
namespace {

constexpr std::size_t most_rows = 15;

double seconds_of(std::uint64_t ns) { return static_cast<double>(ns) / 1e9; }

std::string time_words(std::uint64_t ns) { return fmt::format("{:.2f}s", seconds_of(ns)); }

std::string share_words(std::uint64_t part, std::uint64_t of) {
  return of == 0 ? "" : fmt::format("{:.1f}%", 100 * static_cast<double>(part) / static_cast<double>(of));
}

std::string frame_words(const frame& f) {
  auto words = f.function.empty() ? std::string("<unknown>") : f.function;
  if (!f.file.empty()) words += fmt::format(" {}:{}", base_name(f.file), f.line);
  return words;
}

std::string microseconds_words(std::chrono::nanoseconds time) {
  return fmt::format("{:.0f} µs", static_cast<double>(time.count()) / 1000);
}

void heading_of(fmt::memory_buffer& out, std::string_view text, std::size_t shown, std::size_t all) {
  if (shown < all)
    fmt::format_to(std::back_inserter(out), "\n{} ({} of {}):\n", text, shown, in_thousands(all));
  else
    fmt::format_to(std::back_inserter(out), "\n{}:\n", text);
}

void add_events(const cpu_profile& profile, std::vector<std::string>& lines) {
  lines.push_back(fmt::format(
      "by perf events: no thread was stopped; {} lost{}", number_and_noun(profile.lost, "sample"),
      profile.finds_tasks ? "; tasks were read " + microseconds_words(profile.mean_delay) + " after the samples" : ""));
  if (!profile.samples_kernel)
    lines.emplace_back("of time in the kernel there are no samples: kernel.perf_event_paranoid allows root alone");
  if (profile.unsampled_threads != 0)
    lines.push_back(number_and_noun(profile.unsampled_threads, "thread") + " that began later could not be sampled");
}

void add_stops(const cpu_profile& profile, std::vector<std::string>& lines) {
  if (profile.samples != 0)
    lines.push_back(fmt::format("by brief stops: a thread was stopped for {}, {} at most; {} missed",
                                microseconds_words(profile.mean_stop), microseconds_words(profile.longest_stop),
                                number_and_noun(profile.missed_ticks, "tick")));
  if (!profile.no_events.empty()) lines.push_back("not by perf events: " + profile.no_events);
  if (profile.late_stops != 0)
    lines.push_back(number_and_noun(profile.late_stops, "stop") +
                    " more met threads that waited for a CPU, and are no samples");
}

}  // namespace

std::string chain_words(const resolved& meaning) {
  std::string words;
  for (auto each = meaning.frames.rbegin(); each != meaning.frames.rend(); ++each)
    words += (words.empty() ? "" : " › ") + frame_words(*each->location);
  if (words.empty()) words = "<unknown>";
  if (meaning.spawned_at != nullptr) words += ", spawned at " + frame_words(*meaning.spawned_at);
  return words;
}

std::vector<std::string> summary_of(const cpu_profile& profile, const std::string& subject) {
  const std::chrono::duration<double> length = profile.length;
  std::vector<std::string> lines;
  lines.push_back(fmt::format("{}: {:.1f}s: {} of {} threads for {} of their {} of CPU time", subject, length.count(),
                              number_and_noun(profile.samples, "sample"), profile.threads,
                              time_words(profile.sampled_ns), time_words(profile.used_ns)));
  auto& first = lines.front();
  if (profile.threads == 1) first.replace(first.find("1 threads"), 9, "1 thread");
  if (profile.by_events)
    add_events(profile, lines);
  else
    add_stops(profile, lines);
  if (profile.left_out != 0)
    lines.push_back(fmt::format("{} left out: too many stacks differ", number_and_noun(profile.left_out, "sample")));
  if (!profile.ended.empty())
    lines.push_back(
        fmt::format("{} after {:.1f}s: this is what was sampled until then", profile.ended, length.count()));
  return lines;
}

std::vector<std::string> summary_of(const wall_summary& profile, const std::string& subject) {
  const std::chrono::duration<double> length = profile.length;
  std::vector<std::string> lines;
  lines.push_back(fmt::format("{}: {:.1f}s: {} at {} tasks each in the mean; {} missed", subject, length.count(),
                              number_and_noun(profile.looks, "look"),
                              profile.looks == 0 ? "0" : in_thousands(profile.tasks / profile.looks),
                              number_and_noun(profile.missed_looks, "look")));
  if (!profile.ended.empty())
    lines.push_back(fmt::format("{} after {:.1f}s: this is what was seen until then", profile.ended, length.count()));
  return lines;
}

void render_profile(fmt::memory_buffer& out, profile_page page, const text_style& style) {
  const auto safe = [](std::string_view text) {
    fmt::memory_buffer made;
    append_foreign(made, text);
    return fmt::to_string(made);
  };
  if (!page.wall && !page.functions.empty()) {
    std::stable_sort(page.functions.begin(), page.functions.end(),
                     [](const auto& a, const auto& b) { return a.self_ns > b.self_ns; });
    const auto shown = std::min(most_rows, page.functions.size());
    heading_of(out, "functions", shown, page.functions.size());
    std::vector<table_row> rows{{"SELF", "", "TOTAL", "", "FUNCTION"}};
    for (std::size_t i = 0; i < shown; ++i) {
      const auto& each = page.functions[i];
      rows.push_back({time_words(each.self_ns), share_words(each.self_ns, page.all_ns), time_words(each.total_ns),
                      share_words(each.total_ns, page.all_ns),
                      safe(each.function + (each.place.empty() ? "" : "  " + each.place))});
    }
    render_table(out, {{true}, {true}, {true}, {true}, {.shrinks = true}}, rows, "", style);
  }
  if (page.chains.empty()) return;
  std::stable_sort(page.chains.begin(), page.chains.end(), [](const auto& a, const auto& b) { return a.ns > b.ns; });
  const auto shown = std::min(most_rows, page.chains.size());
  heading_of(out, page.wall ? "tasks by what they wait on" : "awaits", shown, page.chains.size());
  std::vector<table_row> rows;
  rows.push_back(page.wall ? table_row{"TASKS", "TIME", "WAIT", "AWAITS"} : table_row{"CPU", "", "AWAITS"});
  for (std::size_t i = 0; i < shown; ++i) {
    const auto& each = page.chains[i];
    if (page.wall) {
      const auto tasks = page.length_ns == 0 ? 0 : static_cast<double>(each.ns) / static_cast<double>(page.length_ns);
      rows.push_back({fmt::format("{:.1f}", tasks), time_words(each.ns), each.wait, safe(each.text)});
    } else {
      rows.push_back({time_words(each.ns), share_words(each.ns, page.all_ns), safe(each.text)});
    }
  }
  const std::vector<column> columns = page.wall ? std::vector<column>{{true}, {true}, {}, {.shrinks = true}}
                                                : std::vector<column>{{true}, {true}, {.shrinks = true}};
  render_table(out, columns, rows, "", style);
}

}  // namespace tasks::cli

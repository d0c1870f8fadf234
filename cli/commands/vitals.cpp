#include <time.h>

#include "base/json.hpp"
#include "base/words.hpp"
#include "commands/command.hpp"
#include "surveys/running_stacks.hpp"
#include "surveys/vitals.hpp"
#include "views/json.hpp"
#include "views/render.hpp"
#include "views/threads.hpp"

namespace tasks::cli {
namespace {

constexpr option options[] = {
    pid_option,
    {"--watch", "[SECONDS]", "print again and again, every second or so often", &arguments::watch},
    {"--stalled-after", "SECONDS", "name workers that have run one task for longer (default 1)",
     &arguments::stalled_after},
    {"--details", "", "states, memory, CPU time and uptime too", &arguments::details},
    json_option,
    timeout_option,
    direct_option,
    core_option,
    exe_option,
};

struct reading {
  v1::Vitals vitals;
  std::vector<std::string> findings;
  std::vector<channel_group> groups;
  v1::VitalsView view;
};

/// Adds the workers that are stalled to the findings.
result<void> find_stalled(const arguments& args, snapshot_source& source, reading& r) {
  using namespace std::chrono_literals;
  const auto limit = args.stalled_after ? parse_duration(*args.stalled_after) : std::chrono::milliseconds(1s);
  if (!limit || *limit <= 0ms) {
    return usage_error("--stalled-after", "\"" + *args.stalled_after + "\" is no duration", "such as 5 or 500ms");
  }
  if (r.vitals.running() == 0) return {};
  auto stacks = running_stacks::look(source, static_cast<std::uint64_t>(limit->count()));
  if (!stacks) return stacks.why();
  for (const auto& stalled : stalled_workers(*stacks)) {
    r.findings.push_back(finding_of(stalled));
    fill_view(stalled, *r.view.add_stalled());
  }
  return {};
}

result<reading> read_once(const arguments& args) {
  auto source = open_target(args);
  if (!source) return source.why();
  const pid_t pid = (*source)->pid();
  resolver names(**source, {.all_frames = false, .spawn_sites = false});
  reading r;
  resolved what;
  const auto vitals = (*source)->vitals(false, [&](const v1::Chunk& chunk) {
    names.learn(chunk);
    for (const auto& group : chunk.groups()) {
      names.resolve(group, what);
      const frame* root = what.frames.empty() ? nullptr : what.frames.back().what;
      r.groups.push_back({group.count(), group.wait().kind(), group.oldest_ms(), root ? root->function : "",
                          root ? root->file : "", root ? root->line : 0});
      if (args.json) fill_view(group, what, *r.view.add_blocked_channels());
    }
    return true;
  });
  if (!vitals) return vitals.why();
  r.vitals = *vitals;
  fill_view(r.vitals, r.view);
  r.findings = findings_of(r.vitals);
  if (const auto looked = find_stalled(args, **source, r); !looked) return looked.why();
  for (const auto& finding : r.findings) r.view.add_findings(finding);
  r.view.set_pid(static_cast<std::uint32_t>(pid));
  return r;
}

result<int> print_once(const arguments& args, output& out, const text_style& style) {
  const auto read = read_once(args);
  if (!read) return read.why();
  if (args.json) {
    print_json(out.text(), read->view);
    out.text().push_back('\n');
  } else {
    const render_context context = {.style = style, .resolution_ms = read->vitals.tick_resolution_ms()};
    render_vitals(out.text(), read->vitals, read->groups, read->findings, args.details, context);
  }
  return 0;
}

result<int> watch(const arguments& args, output& out, std::chrono::milliseconds interval, const text_style& style) {
  constexpr std::string_view clear_screen = "\033[H\033[2J", separator = "\n";
  for (bool first = true;; first = false) {
    if (style.terminal) {
      out.text().append(clear_screen.data(), clear_screen.data() + clear_screen.size());
    } else if (!first) {
      out.text().append(separator.data(), separator.data() + separator.size());
    }
    if (const auto printed = print_once(args, out, style); !printed) return printed.why();
    if (!out.flush()) return 0;
    const timespec pause = {interval.count() / 1000, interval.count() % 1000 * 1'000'000};
    ::nanosleep(&pause, nullptr);
  }
}

result<int> run(const arguments& args, output& out) {
  const auto style = out.style();
  if (!args.watch) return print_once(args, out, style);
  if (args.json) return usage_error("--watch", "not with --json, which is one document");
  using namespace std::chrono_literals;
  const auto interval = args.watch->empty() ? std::chrono::milliseconds(1s) : parse_duration(*args.watch);
  if (!interval || *interval < 10ms) {
    return usage_error("--watch", "\"" + *args.watch + "\" is no interval", "such as 1 or 0.5");
  }
  return watch(args, out, *interval, style);
}

}  // namespace

const command vitals_command = {"vitals", "counts of tasks and threads, and the tasks blocked on channels", "PID",
                                options, run};

}  // namespace tasks::cli

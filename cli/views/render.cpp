#include "views/render.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/table.hpp"
#include "base/words.hpp"
#include "linux/proc.hpp"
#include "symbols/type_names.hpp"
#include "views/threads.hpp"

namespace tasks::cli {
namespace {

constexpr std::string_view bold = "\033[1m", dim = "\033[2m", yellow = "\033[33m", plain = "\033[0m";

void append(fmt::memory_buffer& out, std::string_view text) { out.append(text.data(), text.data() + text.size()); }

void append_colored(fmt::memory_buffer& out, std::string_view color, std::string_view text, const text_style& style) {
  if (style.color) append(out, color);
  append(out, text);
  if (style.color) append(out, plain);
}

/// Text from the target: it must not drive the reader's terminal.
void append_foreign(fmt::memory_buffer& out, std::string_view text) {
  const auto harmless = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; };
  if (std::all_of(text.begin(), text.end(), harmless)) return append(out, text);
  for (const char c : text) out.push_back(harmless(c) ? c : '?');
}

std::string place(const frame& f) {
  return f.file.empty() ? std::string() : fmt::format("{}:{}", base_name(f.file), f.line);
}

/// The kind of wait as far as the descriptor refines it: "pipe read".
std::string wait_words(const v1::Wait& wait, const resolved& what) {
  if (wait.kind() == v1::Wait::TASKS) return "blocked: tasks";
  std::string words(kind_name(wait.kind()));
  if (wait.kind() == v1::Wait::OTHER || wait.kind() == v1::Wait::KIND_UNSPECIFIED) return "blocked";
  constexpr std::string_view general = "descriptor";
  if (what.fd && words.starts_with(general)) {
    if (what.fd->what == descriptor::kind::pipe) words.replace(0, general.size(), "pipe");
    if (what.fd->what == descriptor::kind::file) words.replace(0, general.size(), "file");
  }
  return words;
}

std::string wait_details(const v1::Wait& wait, const resolved& what, const render_context& context) {
  std::string text;
  if (wait.never_expires()) {
    text += ", never expires";
  } else if (wait.has_expires_in_ms()) {
    const auto ms = wait.expires_in_ms();
    text += ms >= 0 ? ", expires in " + format_age(static_cast<std::uint64_t>(ms), context.resolution_ms)
                    : std::string(", expired");
  }
  if (wait.has_fd()) {
    text += fmt::format(", fd {}", wait.fd());
    if (what.fd && !what.fd->peer.empty() && what.fd->peer != "pipe") text += " " + what.fd->peer;
  }
  return text;
}

/// Is this native frame the body of that coroutine? Compilers spell its types in several ways.
bool is_body_of(const native_frame& native, const frame& f) {
  return native.is_coroutine && native.file == f.file && bare_name(native.function) == bare_name(f.function);
}

void append_frames(fmt::memory_buffer& out, const resolved& what, const text_style& style) {
  for (const auto& f : what.native) render_native_frame(out, f);
  for (const auto& f : what.frames) {
    // The native frame says where it is now, this one where it awaited last.
    const bool seen = &f == &what.frames.front() && !what.native.empty() && is_body_of(what.native.back(), *f.what);
    if (seen) continue;
    const auto& text = f.not_instrumented ? f.what->foreign_text : f.what->text;
    if (f.not_instrumented && style.color) {
      append_colored(out, dim, text, style);
    } else {
      append(out, text);
    }
  }
}

std::string spawn_words(const frame& site) {
  auto text = site.function;
  if (const auto where = place(site); !where.empty()) text += " " + where;
  return text;
}

void append_annotations(fmt::memory_buffer& out, const v1::Task& task) {
  if (!task.name().empty()) {
    append(out, " \"");
    append_foreign(out, task.name());
    append(out, "\"");
  }
  std::vector<std::pair<std::string_view, std::string_view>> labels;
  for (const auto& [key, value] : task.labels()) labels.emplace_back(key, value);
  std::sort(labels.begin(), labels.end());
  for (const auto& [key, value] : labels) {
    append(out, " ");
    append_foreign(out, key);
    append(out, "=");
    append_foreign(out, value);
  }
}

std::string target_words(const render_context& context) {
  return context.core.empty() ? fmt::format("-p {}", context.pid) : "--core " + context.core;
}

}  // namespace

std::string why_line(std::uint64_t task, const render_context& context) {
  return fmt::format("tasks why {} {}", target_words(context), task);
}

std::string stack_line(std::uint64_t task, const render_context& context) {
  return fmt::format("tasks stack {} --task {}", target_words(context), task);
}

std::string describe_state(const v1::Task& task, const resolved& what, const render_context& context) {
  const auto age = format_age(task.age_ms(), context.resolution_ms);
  switch (task.state()) {
    case v1::Task::READY:
      return "ready";
    case v1::Task::RUNNING:
      return fmt::format("running on thread {}, {}", task.thread(), age);
    case v1::Task::BLOCKED:
      if (!task.has_wait()) return "blocked, " + age;
      return wait_words(task.wait(), what) + ", " + age + wait_details(task.wait(), what, context);
    default:
      return "state unknown";
  }
}

std::string describe_state(const v1::Group& group, const resolved& what, const render_context& context) {
  const bool blocked = group.state() == v1::Task::BLOCKED;
  auto text = blocked && group.has_wait() ? wait_words(group.wait(), what) : std::string(state_name(group.state()));
  if (group.state() == v1::Task::READY) return text;
  text += group.count() == 1 ? ", " : ", oldest ";
  return text + format_age(group.oldest_ms(), context.resolution_ms);
}

void render_frames(fmt::memory_buffer& out, const resolved& what, const text_style& style) {
  append_frames(out, what, style);
  if (what.spawned_at) append(out, "spawned at " + spawn_words(*what.spawned_at) + "\n");
}

void render_list(fmt::memory_buffer& out, const v1::ListView& view, const render_context& context) {
  const auto& processes = view.processes();
  const bool findings =
      std::any_of(processes.begin(), processes.end(), [](const auto& p) { return !p.findings().empty(); });
  const std::string no_mark = findings ? "  " : " ";
  const std::vector<column> columns = {{true, static_cast<unsigned>(6 + no_mark.size())},
                                       {true, 5},
                                       {true, 5},
                                       {true, 7},
                                       {true, 7},
                                       {false, 6},
                                       {false, 7, true}};
  std::vector<table_row> rows = {{"PID" + no_mark, "PPID", "TASKS", "BLOCKED", "THREADS", "UPTIME", "PROGRAM"}};
  for (const auto& p : processes) {
    const bool answered = p.agent() == v1::ProcessView::ANSWERED;
    std::string mark = answered ? "*" : "";
    if (!p.findings().empty()) mark += "!";
    if (mark.size() < no_mark.size()) mark.resize(no_mark.size(), ' ');
    std::string program = p.name();
    if (!answered) program += "  (" + p.reason() + ")";
    const auto count = [&](std::uint64_t n) { return p.counted() ? std::to_string(n) : std::string("-"); };
    rows.push_back({std::to_string(p.pid()) + mark, std::to_string(p.ppid()), count(p.tasks()), count(p.blocked()),
                    std::to_string(p.os_threads()),
                    format_age(static_cast<std::uint64_t>(p.uptime_seconds() * 1000), 0), program});
  }
  fmt::memory_buffer text;
  render_table(text, columns, rows, "", context.style);
  const std::string_view all(text.data(), text.size());
  const auto header = all.find('\n');
  append_colored(out, bold, all.substr(0, header), context.style);
  append(out, all.substr(header));
}

void render_vitals(fmt::memory_buffer& out, const v1::Vitals& vitals, const std::vector<channel_group>& groups,
                   const std::vector<std::string>& findings, bool details, const render_context& context) {
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "tasks: {}\nOS threads: {}\nworkers: {}\nnum CPU: {}\n", vitals.tasks(), vitals.os_threads(),
                 vitals.workers(), vitals.cpus() == 0 ? "unknown" : std::to_string(vitals.cpus()));
  if (details) {
    fmt::format_to(to, "\nrunning: {}\nblocked: {}\nready: {}\nRSS: {}\nCPU time: {:.1f}s\nuptime: {}\n",
                   vitals.running(), vitals.blocked(), vitals.ready(), format_bytes(vitals.rss_bytes()),
                   static_cast<double>(vitals.cpu_time_ms()) / 1000, format_age(vitals.uptime_ms(), 0));
    fmt::format_to(to, "CPUs in affinity mask: {}\n", vitals.cpus_in_affinity_mask());
    if (vitals.cpu_quota_millis() != 0) {
      fmt::format_to(to, "CPU quota: {:.2f}\n", static_cast<double>(vitals.cpu_quota_millis()) / 1000);
    }
  }
  fmt::format_to(to, "\nblocked on channels: {}\n", vitals.blocked_on_channels());
  std::vector<table_row> rows;
  std::size_t count_width = 1;
  for (const auto& g : groups) count_width = std::max(count_width, std::to_string(g.count).size());
  for (const auto& g : groups) {
    rows.push_back({fmt::format("{:>{}} × {}, {}", g.count, count_width, kind_name(g.kind),
                                format_age(g.oldest_ms, context.resolution_ms)),
                    g.function.empty() ? "<unknown>" : g.function,
                    g.file.empty() ? "" : fmt::format("{}:{}", base_name(g.file), g.line)});
  }
  render_table(out, {{}, {false, 0, true}, {}}, rows, "  ", context.style);
  if (!findings.empty()) out.push_back('\n');
  for (const auto& finding : findings) {
    append_colored(out, yellow, "! " + finding, context.style);
    out.push_back('\n');
  }
}

void render_task(fmt::memory_buffer& out, const v1::Task& task, const resolved& what, bool first,
                 const render_context& context) {
  if (!first) out.push_back('\n');
  if (context.style.color) append(out, bold);
  fmt::format_to(std::back_inserter(out), FMT_STRING("task {}"), task.id());
  append_annotations(out, task);
  append(out, " [");
  append(out, describe_state(task, what, context));
  append(out, "]:");
  if (context.style.color) append(out, plain);
  out.push_back('\n');
  append_frames(out, what, context.style);
  if (task.truncated()) append(out, "… deeper frames were not recorded\n");
  if (task.parent() == 0 && !what.spawned_at) return;
  append(out, "spawned");
  if (task.parent() != 0) fmt::format_to(std::back_inserter(out), FMT_STRING(" by task {}"), task.parent());
  if (what.spawned_at) append(out, " at " + spawn_words(*what.spawned_at));
  out.push_back('\n');
}

void render_group(fmt::memory_buffer& out, const v1::Group& group, const resolved& what, bool first,
                  const render_context& context) {
  if (!first) out.push_back('\n');
  if (context.style.color) append(out, bold);
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "{} {} [{}]:", group.count(), group.count() == 1 ? "task" : "tasks",
                 describe_state(group, what, context));
  if (context.style.color) append(out, plain);
  out.push_back('\n');
  render_frames(out, what, context.style);
  if (group.ids().empty()) return;
  const auto& ids = group.ids();
  fmt::format_to(to, "{} {}{}: {}\n", group.count() == 1 ? "task" : "tasks", fmt::join(ids.begin(), ids.end(), ", "),
                 group.count() > static_cast<std::uint64_t>(ids.size()) ? ", …" : "", why_line(ids[0], context));
}

void render_trailer(fmt::memory_buffer& out, const v1::Trailer& trailer, bool grouped, const render_context& context) {
  const auto to = std::back_inserter(out);
  if (trailer.matched() == 0) {
    append(out, trailer.total() == 0 ? "no tasks\n" : fmt::format("none of {} tasks matches\n", trailer.total()));
  }
  if (trailer.shown() < trailer.matched()) {
    fmt::format_to(to, "\n{} of {} tasks shown", trailer.shown(), trailer.matched());
    if (grouped && trailer.groups_left_out() != 0)
      fmt::format_to(to, ", {} groups left out", trailer.groups_left_out());
    append(out, " (--limit)\n");
  }
  if (trailer.torn() != 0) {
    fmt::format_to(to, "\n{} tasks changed too often to be read\n", trailer.torn());
  }
  (void)context;
}

void render_tree_task(fmt::memory_buffer& out, const v1::Task& task, const resolved& what,
                      const render_context& context) {
  fmt::format_to(std::back_inserter(out), FMT_STRING("task {}"), task.id());
  append_annotations(out, task);
  if (!what.frames.empty()) {
    const auto& root = what.frames.back();
    append(out, "  ");
    if (root.not_instrumented) append(out, "<not instrumented> ");
    append(out, root.what->function.empty() ? std::string_view("<unknown>") : root.what->function);
    if (const auto where = place(*root.what); !where.empty()) append(out, "  " + where);
  }
  const bool on_tasks = task.state() == v1::Task::BLOCKED && task.wait().kind() == v1::Wait::TASKS;
  append(out, "  [");
  append(out, on_tasks ? std::string("blocked: tasks") : describe_state(task, what, context));
  append(out, "]");
  if (task.awaited()) append(out, "  awaited");
}

}  // namespace tasks::cli

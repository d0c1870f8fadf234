#include "views/text.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>
#include <vector>

#include "base/quantities.hpp"
#include "base/text.hpp"
#include "base/words.hpp"
#include "surveys/timing.hpp"

namespace tasks::cli {

namespace {

/// The kind of wait as far as the descriptor or the operation's name refine it: "pipe read", "pool::async_acquire()".
std::string wait_words(const v1::Wait& wait, const endpoint* fd, const std::string* operation) {
  if (wait.kind() == v1::Wait::TASKS) return "blocked: tasks";
  if (wait.kind() == v1::Wait::OTHER || wait.kind() == v1::Wait::KIND_UNSPECIFIED)
    return operation != nullptr ? *operation : "blocked";
  return kind_name(wait, fd);
}

bool reads(const v1::Wait& wait) {
  return wait.kind() == v1::Wait::SOCKET_READ || wait.kind() == v1::Wait::DESCRIPTOR_READ;
}

/// ", db.internal:5432, queued behind 8 lookups, now dead.example:80 of task 2"; empty: not known.
std::string lookup_words(const resolved& meaning) {
  if (meaning.looked_up == nullptr) return {};
  const auto& its = *meaning.looked_up;
  auto text = ", " + name_of(its);
  if (its.tid != 0) return text + fmt::format(", which thread {} looks up", its.tid);
  if (!its.before) return text + ", queued";
  text += fmt::format(", queued behind {} {}", *its.before, *its.before == 1 ? "lookup" : "lookups");
  if (meaning.now == nullptr) return text;
  text += ", now " + name_of(*meaning.now);
  return meaning.now->task == 0 ? text : text + fmt::format(" of task {}", meaning.now->task);
}

std::string timer_details(const v1::Wait& wait, const resolved& meaning, const render_context& context) {
  switch (expiry_of(wait, meaning)) {
    case expiry::never:
      return ", never expires";
    case expiry::known:
      return wait.expires_in_ms() < 0 ? ", expired"
                                      : ", expires in " + format_age(static_cast<std::uint64_t>(wait.expires_in_ms()),
                                                                     context.resolution_ms);
    case expiry::unknown:
      break;
  }
  return meaning.clock == nullptr ? ", expiry not known" : ", expiry not known (clock " + *meaning.clock + ")";
}

/// `meaning`: of the task, if this is what it waits for rather than one of several.
std::string wait_details(const v1::Wait& wait, const endpoint* fd, const resolved& meaning,
                         const render_context& context) {
  std::string text;
  const auto in = [&](std::int64_t ms) { return format_age(static_cast<std::uint64_t>(ms), context.resolution_ms); };
  if (wait.kind() == v1::Wait::TIMER) text += timer_details(wait, meaning, context);
  if (wait.has_fd()) {
    text += fmt::format(", fd {}", wait.fd());
    if (fd) text += endpoint_words(*fd);
    if (fd && !fd->listens && fd->waiting && fd->waiting->receive != 0 && reads(wait))
      text += ", " + format_bytes(fd->waiting->receive) + " unread";
  }
  if (wait.has_times_out_in_ms()) {
    text += wait.times_out_in_ms() >= 0 ? ", times out in " + in(wait.times_out_in_ms()) : ", timed out";
  } else if (wait.has_timeout()) {
    text += ", has a time-out";
  }
  return text;
}

/// What else a task awaits at the same time: "; timer, expires in 8s; 1 of 3 has ended".
std::string others_words(const v1::Task& task, const resolved& meaning, const render_context& context) {
  std::string text;
  bool is_told = task.wait().kind() == v1::Wait::RESOLVE;
  for (int i = 0; i < task.also_size(); ++i) {
    const auto* fd = meaning.also[static_cast<std::size_t>(i)];
    text += "; " + wait_words(task.also(i), fd, nullptr) + wait_details(task.also(i), fd, {}, context);
    if (is_told || task.also(i).kind() != v1::Wait::RESOLVE) continue;
    text += lookup_words(meaning);
    is_told = true;
  }
  if (const auto ended = task.ended_members(); ended != 0)
    text += fmt::format("; {} of {} {} ended", ended, task.members(), ended == 1 ? "has" : "have");
  return text;
}

}  // namespace

std::string endpoint_words(const endpoint& fd) {
  std::string text;
  // Of a pipe or a file the kind of the wait says what it is.
  const bool is_said = fd.name == "tcp" || fd.name == "pipe";
  if (!is_said && !fd.name.empty()) text += " " + fd.name;
  if (!fd.peer.empty())
    text += " " + fd.peer;
  else if (!fd.local.empty())
    text += " at " + fd.local;
  if (fd.shut_down) text += ", shut down";
  return text;
}

std::string target_words(const render_context& context) {
  if (!context.recording.empty()) return "--from " + context.recording;
  return context.core.empty() ? fmt::format("-p {}", context.pid) : "--core " + context.core;
}

void append_colored(fmt::memory_buffer& out, std::string_view color, std::string_view text, const text_style& style) {
  if (style.color) append(out, color);
  append(out, text);
  if (style.color) append(out, plain);
}

std::string place(const frame& f) {
  return f.file.empty() ? std::string() : fmt::format("{}:{}", base_name(f.file), f.line);
}

std::optional<double> growth_per_minute(std::int64_t growth, double seconds) {
  if (seconds <= 0) return std::nullopt;
  return std::round(static_cast<double>(growth) / seconds * 600) / 10;
}

std::string growth_words(std::int64_t growth, double seconds) {
  const auto rate = growth_per_minute(growth, seconds);
  return growth == 0 || !rate ? "" : fmt::format(", {:+g}/min", *rate);
}

std::string spawn_words(const resolved& meaning) {
  const frame* site = meaning.spawned_at ? meaning.spawned_at : meaning.spawned_after;
  if (!site) return "";
  const auto where = place(*site);
  if (!meaning.spawned_at) return " in " + site->function + (where.empty() ? "" : ", after " + where);
  return " at " + site->function + (where.empty() ? "" : " " + where);
}

std::string timing_words(const v1::Timing& timing, std::uint64_t over_ns) {
  const auto& runs = timing.runs();
  const auto busy = busy_ns(timing);
  if (busy == 0 && runs.count() == 0) return "did not run";
  const auto share = over_ns == 0 ? 0 : static_cast<double>(busy) * 100 / static_cast<double>(over_ns);
  auto words = fmt::format("ran {} ({:.{}f} %)", format_nanoseconds(busy), share, share < 9.95 ? 1 : 0);
  if (runs.count() != 0) {
    words += fmt::format(" in {} {}", in_thousands(runs.count()), runs.count() == 1 ? "run" : "runs");
    if (runs.count() > 1)
      words += fmt::format(", half of them ≤ {}, 99 % ≤ {}", format_nanoseconds(quantile_ns(runs, 0.5)),
                           format_nanoseconds(quantile_ns(runs, 0.99)));
    words += ", longest " + format_nanoseconds(runs.longest_ns());
  }
  if (timing.running_ns() != 0) words += fmt::format(", runs since {}", format_nanoseconds(timing.running_ns()));
  const auto& late = timing.delays();
  if (late.count() != 0)
    words += fmt::format("; late by {}, at most {}", format_nanoseconds(late.total_ns() / late.count()),
                         format_nanoseconds(late.longest_ns()));
  return words;
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

std::string ids_words(const v1::Group& group, std::span<const v1::Task> named) {
  fmt::memory_buffer text;
  append(text, group.count() == 1 ? "task" : "tasks");
  for (int i = 0; i < group.ids_size(); ++i) {
    fmt::format_to(std::back_inserter(text), "{} {}", i == 0 ? "" : ",", group.ids(i));
    for (const auto& each : named)
      if (each.id() == group.ids(i)) append_annotations(text, each);
  }
  if (group.count() > static_cast<std::uint64_t>(group.ids_size())) append(text, ", …");
  return {text.data(), text.size()};
}

std::string why_line(std::uint64_t task, const render_context& context) {
  return fmt::format("tasks why {} {}", target_words(context), task);
}

std::string stack_line(std::uint64_t task, const render_context& context) {
  return fmt::format("tasks stack {} --task {}", target_words(context), task);
}

std::string age_words(const v1::Task& task, const render_context& context) {
  if (task.age_unknown() && task.age_ms() == 0) return "";
  return (task.age_unknown() ? ", seen for " : ", ") + format_age(task.age_ms(), context.resolution_ms);
}

std::string age_words(const v1::Group& group, const render_context& context) {
  if (group.age_unknown() && group.oldest_ms() == 0) return "";
  const auto age = format_age(group.oldest_ms(), context.resolution_ms);
  if (group.age_unknown()) return (group.count() == 1 ? ", seen for " : ", one seen for ") + age;
  return (group.count() == 1 ? ", " : ", oldest ") + age;
}

std::string describe_state(const v1::Task& task, const resolved& meaning, const render_context& context) {
  const auto age = age_words(task, context);
  if (meaning.busy) return words_of(*meaning.busy);
  switch (task.state()) {
    case v1::Task::READY:
      return meaning.due ? "ready, " + words_of(*meaning.due) : "ready";
    case v1::Task::RUNNING:
      if (task.ran_before_fork()) return "ran in the parent when it forked" + age;
      return (task.thread() == 0 ? "running" : fmt::format("running on thread {}", task.thread())) + age;
    case v1::Task::BLOCKED:
      if (!task.has_wait()) return "blocked" + age;
      return wait_words(task.wait(), meaning.fd, meaning.operation) + age +
             wait_details(task.wait(), meaning.fd, meaning, context) +
             (task.wait().kind() == v1::Wait::RESOLVE ? lookup_words(meaning) : "") +
             others_words(task, meaning, context) + (meaning.due ? ", " + words_of(*meaning.due) : "");
    default:
      return "state unknown";
  }
}

std::string describe_state(const v1::Group& group, const resolved& meaning, const render_context& context) {
  const bool blocked = group.state() == v1::Task::BLOCKED;
  if (meaning.busy && meaning.busy_tasks == group.count())
    return group.count() == 1 ? words_of(*meaning.busy)
                              : fmt::format("busy, up to {} resumptions/s", format_rate(meaning.busy->per_second));
  auto text = blocked && group.has_wait() ? wait_words(group.wait(), meaning.fd, meaning.operation)
                                          : std::string(state_name(group.state()));
  if (group.state() != v1::Task::READY) text += age_words(group, context);
  if (meaning.busy) text += fmt::format(", {} of them busy", meaning.busy_tasks);
  if (!meaning.due) return text;
  if (group.count() == 1) return text + ", " + words_of(*meaning.due);
  return text + fmt::format(", {} due: {}", meaning.due_tasks, meaning.due->reason);
}

}  // namespace tasks::cli

#include "views/threads.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "base/quantities.hpp"
#include "base/table.hpp"
#include "base/text.hpp"
#include "surveys/mutex_waits.hpp"
#include "type_names.hpp"
#include "views/frames.hpp"
#include "views/json.hpp"

namespace tasks::cli {
namespace {

std::string_view role_name(v1::ThreadView::Role role) {
  switch (role) {
    case v1::ThreadView::WORKER:
      return "worker";
    case v1::ThreadView::IDLE_WORKER:
      return "idle worker";
    case v1::ThreadView::AGENT:
      return "agent";
    case v1::ThreadView::MAIN:
      return "main";
    case v1::ThreadView::RESOLVER:
      return "resolver";
    default:
      return "other";
  }
}

std::string role_of(const surveyed_thread& thread, bool is_main) {
  std::string role(role_name(thread.role));
  if (is_main && thread.role != v1::ThreadView::MAIN) role += " (main)";
  return role;
}

std::string age_of(const running_task& task, const thread_survey& survey) {
  if (task.age_unknown && task.age_ms == 0) return "-";
  return (task.age_unknown ? "seen " : "") + format_age(task.age_ms, survey.resolution_ms);
}

/// "resolver, looks up db.internal:5432 for task 7, which has waited 12s; 8 more are queued", "resolver, idle".
std::string resolver_words(const surveyed_thread& thread, const thread_survey& survey) {
  std::string text(role_name(thread.role));
  if (thread.resolver->idle) return text + ", idle";
  if (const auto* its = done_by(survey.lookups, thread.resolver->tid)) {
    text += ", looks up " + name_of(*its);
    if (its->task != 0)
      text +=
          fmt::format(" for task {}, which has waited {}", its->task, format_age(its->age_ms, survey.resolution_ms));
  }
  const auto queued = survey.lookups.resolvers[thread.resolver->resolver].queued.value_or(0);
  return queued == 0 ? text : text + fmt::format("; {} more {} queued", queued, queued == 1 ? "is" : "are");
}

/// "resumes task 78 1.3 M times/s, poll_queue() lab.cpp:12; in 100 looks it had resumed it since the last one in 97,
/// and ran it in 31".
std::string resumed_words(const resumed_task& resumed) {
  const auto& task = resumed.place->task;
  const auto others = task.by.size() - 1;
  const auto rate = format_rate(task.per_second) + " times/s";
  auto text = fmt::format("resumes task {}", task.id);
  if (others == 0) text += " " + rate;
  if (const auto place = place_of(*resumed.place); !place.empty()) text += ", " + place;
  if (others != 0)
    text += fmt::format(", as {} other {}, {} in all", others, others == 1 ? "thread does" : "threads do", rate);
  text += fmt::format("; in {} looks it had resumed it since the last one in {}", task.looks, resumed.seen.anew);
  return resumed.seen.ran == 0 ? text : text + fmt::format(", and ran it in {}", resumed.seen.ran);
}

/// Of each task that the thread resumes, the first ones at length.
std::string resumed_words(const surveyed_thread& thread) {
  constexpr std::size_t most_named = 3;
  std::string text;
  for (std::size_t i = 0; i < thread.resumes.size(); ++i) {
    if (i == most_named) return text + "; and " + number_and_noun(thread.resumes.size() - most_named, "more task");
    text += (i == 0 ? "" : "; ") + resumed_words(thread.resumes[i]);
  }
  return text;
}

/// The task that it runs at this moment is one that it resumes all the time: which of both a look meets is chance.
bool runs_busy_task(const surveyed_thread& thread) {
  return thread.task && std::any_of(thread.resumes.begin(), thread.resumes.end(),
                                    [&](const auto& each) { return each.place->task.id == thread.task->id; });
}

/// As far as it was asked for.
bool has_thread(const thread_survey& survey, std::uint32_t inner_tid) {
  return survey.threads.size() != survey.total ||
         std::any_of(survey.threads.begin(), survey.threads.end(),
                     [=](const surveyed_thread& each) { return each.os.inner_tid == inner_tid; });
}

void render_stack(fmt::memory_buffer& out, const surveyed_thread& thread, const thread_survey& survey,
                  const thread_style& style) {
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "\nthread {} [", thread.os.tid);
  if (runs_busy_task(thread)) {
    append(out, role_name(thread.role));
  } else if (thread.starts) {
    fmt::format_to(to, "starts an operation of task {}", thread.task->id);
    append_annotations(out, thread.task->texts);
  } else if (thread.task) {
    fmt::format_to(to, "runs task {}", thread.task->id);
    append_annotations(out, thread.task->texts);
    if (const auto age = age_of(*thread.task, survey); age != "-") append(out, ", " + age);
    if (const auto* call = name_lookup(frames_of_task(thread.stack)))
      fmt::format_to(to, ", looks up a name ({})", detail::bare_name(call->function));
  } else if (thread.resolver) {
    append(out, resolver_words(thread, survey));
  } else {
    append(out, role_name(thread.role));
  }
  if (!thread.resumes.empty()) append(out, ", " + resumed_words(thread));
  if (thread.mutex_owner != 0)
    fmt::format_to(to, ", blocked in {}, {}", blocking_function(thread.stack),
                   locked_words(thread.mutex_owner, thread.os.inner_tid, has_thread(survey, thread.mutex_owner)));
  append(out, "]:\n");
  if (!thread.failure.empty()) return append(out, "<" + thread.failure + ">\n");
  for (const auto& f : shown_frames(thread.stack.frames, style.all_frames)) render_native_frame(out, f);
  if (!thread.stack.complete) append(out, "… further out it could not be unwound\n");
}

}  // namespace

void render_threads(fmt::memory_buffer& out, const thread_survey& survey, const thread_style& style,
                    const render_context& context) {
  if (survey.threads.empty())
    fmt::format_to(std::back_inserter(out), "none of {} {} matches\n", survey.total,
                   survey.total == 1 ? "thread" : "threads");
  std::vector<table_row> rows = {{"TID", "NAME", "STATE", "CPU%", "ROLE", "TASK", "RUNS FOR"}};
  for (const auto& thread : survey.threads) {
    const auto& t = thread.os;
    rows.push_back(
        {std::to_string(t.tid), t.name.empty() ? "-" : t.name, t.state ? std::string(thread_state_name(t.state)) : "-",
         thread.cpu_percent ? fmt::format("{:.1f}", *thread.cpu_percent) : "-", role_of(thread, t.tid == context.pid),
         thread.task               ? std::to_string(thread.task->id)
         : !thread.resumes.empty() ? std::to_string(thread.resumes.front().place->task.id)
                                   : "-",
         thread.task && !thread.starts ? age_of(*thread.task, survey) : "-"});
  }
  if (!survey.threads.empty())
    render_table(out, {{true, 6}, {false, 0, true}, {}, {true, 5}, {}, {true, 4}, {}}, rows, "", context.style);
  const bool any = style.stacks && std::any_of(survey.threads.begin(), survey.threads.end(),
                                               [](const auto& thread) { return !thread.stack.frames.empty(); });
  for (const auto& thread : survey.threads) {
    if (any)
      render_stack(out, thread, survey, style);
    else if (thread.resolver)
      fmt::format_to(std::back_inserter(out), "\nthread {} [{}]\n", thread.os.tid, resolver_words(thread, survey));
    else if (!thread.resumes.empty())
      fmt::format_to(std::back_inserter(out), "\nthread {} [{}]\n", thread.os.tid, resumed_words(thread));
  }
  if (!survey.notes.empty()) out.push_back('\n');
  for (const auto& note : survey.notes) append(out, "! " + note + "\n");
  if (style.verbose) {
    fmt::format_to(std::back_inserter(out), "\nlongest stop of a thread: {} µs\n",
                   std::chrono::ceil<std::chrono::microseconds>(survey.longest_stop).count());
  }
}

void fill_view(const thread_survey& survey, bool all_frames, v1::ThreadsView& view) {
  for (const auto& thread : survey.threads) {
    auto& to = *view.add_threads();
    to.set_tid(static_cast<std::uint32_t>(thread.os.tid));
    to.set_target_tid(thread.os.inner_tid);
    to.set_name(thread.os.name);
    to.set_state(std::string(thread_state_name(thread.os.state)));
    if (thread.cpu_percent) to.set_cpu_percent(*thread.cpu_percent);
    to.set_role(thread.role);
    if (thread.task) {
      to.set_task_id(thread.task->id);
      to.set_task_name(thread.task->texts.name());
      *to.mutable_task_labels() = thread.task->texts.labels();
      to.set_starts_operation(thread.starts);
      if (!thread.starts && !thread.task->age_unknown)
        to.set_task_seconds(static_cast<double>(thread.task->age_ms) / 1000);
      if (thread.task->age_unknown && thread.task->age_ms != 0)
        to.set_task_seen_seconds(static_cast<double>(thread.task->age_ms) / 1000);
    }
    for (const auto& f : shown_frames(thread.stack.frames, all_frames)) fill_view(f, *to.add_frames());
    to.set_frames_missing(thread.failure);
    if (thread.mutex_owner != 0) to.set_mutex_owner(thread.mutex_owner);
    if (thread.task && !thread.starts)
      if (const auto* call = name_lookup(frames_of_task(thread.stack)))
        to.set_looks_up_by(detail::bare_name(call->function));
    if (thread.resolver) {
      to.set_idle(thread.resolver->idle);
      if (const auto queued = survey.lookups.resolvers[thread.resolver->resolver].queued)
        to.set_queued_lookups(*queued);
      if (const auto* its = done_by(survey.lookups, thread.resolver->tid)) fill_view(*its, *to.mutable_lookup());
    }
    if (!thread.resumes.empty()) {
      const auto& first = thread.resumes.front().place->task;
      to.set_busy_task_id(first.id);
      to.set_resumptions_per_second(first.per_second);
    }
    for (const auto& [place, seen] : thread.resumes) {
      auto& resumed = *to.add_resumes();
      fill_view(place->task, resumed);
      if (!place->meaning.frames.empty()) fill_view(place->meaning.frames.front(), *resumed.mutable_frame());
    }
  }
  view.set_total(static_cast<std::uint32_t>(survey.total));
  for (const auto& note : survey.notes) view.add_notes(note);
  view.set_longest_stop_seconds(std::chrono::duration<double>(survey.longest_stop).count());
}

}  // namespace tasks::cli

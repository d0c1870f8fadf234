#include "export/timeline.hpp"

#include <algorithm>
#include <iterator>

#include "base/json.hpp"
#include "base/text.hpp"
#include "base/words.hpp"

namespace tasks::cli {
namespace {

/// Of slices, and of tracks: some hundred MiB together.
constexpr std::size_t most_slices = 4'000'000, most_tracks = 1'000'000;

std::string place_words(const resolved& meaning) {
  if (meaning.frames.empty()) return "<unknown>";
  const auto& f = *meaning.frames.front().location;
  auto words = f.function.empty() ? std::string("<unknown>") : f.function;
  if (!f.file.empty()) words += fmt::format(" {}:{}", base_name(f.file), f.line);
  return words;
}

/// By its name, or its own function: the outermost.
std::string track_words(const v1::Task& task, const resolved& meaning) {
  if (!task.name().empty()) return task.name();
  if (meaning.frames.empty()) return "<unknown>";
  const auto& function = meaning.frames.back().location->function;
  return function.empty() ? "<unknown>" : function;
}

std::optional<std::uint64_t> timed_ns(const v1::Task& task) {
  if (!task.has_timing()) return std::nullopt;
  return task.timing().runs().total_ns() + task.timing().running_ns();
}

std::string slice_words(const v1::Task& task) {
  if (task.state() == v1::Task::BLOCKED) return std::string(kind_name(task.wait().kind()));
  return std::string(state_name(task.state()));
}

}  // namespace

std::uint32_t timeline::number(const std::string& text) {
  const auto [known, is_new] = numbers_.try_emplace(text, static_cast<std::uint32_t>(texts_.size()));
  if (is_new) texts_.push_back(text);
  return known->second;
}

/// Between its last slice and the next.
void timeline::add_unseen_runs(const track& known, const v1::Task& task, std::int64_t until_us) {
  const auto from_us = slices_[known.last].end_us;
  const auto last = task.resumes() - (task.state() == v1::Task::RUNNING ? 1 : 0);
  if (last <= known.resumes || until_us <= from_us) return;
  const auto runs = last - known.resumes;
  slice made{.task = task.id(), .begin_us = from_us, .end_us = until_us};
  made.text = number(fmt::format("{} run{}", runs, runs == 1 ? "" : "s"));
  made.runs = static_cast<std::uint32_t>(std::min<std::uint64_t>(runs, UINT32_MAX));
  const auto busy = timed_ns(task);
  if (busy && known.busy_ns && *busy >= *known.busy_ns)
    made.busy_us = static_cast<std::int64_t>((*busy - *known.busy_ns) / 1000);
  slices_.push_back(made);
}

void timeline::see(const v1::Task& task, const resolved& meaning) {
  const auto now_us = std::chrono::duration_cast<std::chrono::microseconds>(at_).count();
  const bool runs = task.state() == v1::Task::RUNNING;
  const auto found = tracks_.find(task.id());
  const bool is_new = found == tracks_.end();
  if (!is_new) {
    auto& known = found->second;
    // A run's version rises with each frame that is entered and left.
    const bool same = runs ? known.runs && known.resumes == task.resumes() : known.version == task.version();
    if (same) {
      slices_[known.last].end_us = known.seen_us = now_us;
      known.version = task.version();
      known.busy_ns = timed_ns(task);
      return;
    }
  }
  if (slices_.size() == most_slices || (is_new && tracks_.size() == most_tracks)) {
    ++left_out_;
    return;
  }
  // What began before the first look began then; it is not known since when a task is ready, nor of one without a hook.
  const bool knows_age = !task.age_unknown() && task.state() != v1::Task::READY;
  auto since_us = knows_age ? now_us - static_cast<std::int64_t>(task.age_ms()) * 1000 : now_us;
  if (!is_new) {
    const auto& known = found->second;
    auto& before = slices_[known.last];
    since_us = std::max(since_us, known.seen_us);
    // What it did last ended when this began, if it has not done anything in between.
    const bool next_to =
        runs ? !known.runs && task.resumes() <= known.resumes + 1 : known.runs && known.resumes == task.resumes();
    if (next_to && knows_age) before.end_us = since_us;
    add_unseen_runs(known, task, since_us);
  }
  auto& own = tracks_[task.id()];
  if (is_new) own.name = number(track_words(task, meaning));
  own.version = task.version();
  own.resumes = task.resumes();
  own.busy_ns = timed_ns(task);
  own.runs = runs;
  own.seen_us = now_us;
  own.last = slices_.size();
  slices_.push_back(
      {task.id(), since_us, now_us, number(slice_words(task)), number(place_words(meaning)), runs ? task.thread() : 0});
}

void timeline::end(std::chrono::nanoseconds at) {
  const auto last_us = std::chrono::duration_cast<std::chrono::microseconds>(at_).count();
  const auto end_us = std::chrono::duration_cast<std::chrono::microseconds>(at).count();
  for (const auto& [id, own] : tracks_)
    if (own.seen_us == last_us) slices_[own.last].end_us = std::max(slices_[own.last].end_us, end_us);
}

void timeline::write(fmt::memory_buffer& out, pid_t pid, const std::string& process) const {
  std::int64_t earliest = 0;
  for (const auto& each : slices_) earliest = std::min(earliest, each.begin_us);
  json_writer json(out);
  const auto number_field = [&](const char* name, std::uint64_t value) {
    json.key(name);
    json.number(value);
  };
  const auto text_field = [&](const char* name, std::string_view value) {
    json.key(name);
    json.string(value);
  };
  const auto begin_event = [&](const char* phase, std::string_view name, std::uint64_t tid) {
    json.on_a_line();
    json.begin_object();
    text_field("ph", phase);
    text_field("name", name);
    number_field("pid", static_cast<std::uint64_t>(pid));
    number_field("tid", tid);
  };
  const auto name_event = [&](const char* what, std::uint64_t tid, std::string_view name) {
    begin_event("M", what, tid);
    json.key("args");
    json.begin_object();
    text_field("name", name);
    json.end_object();
    json.end_object();
  };
  json.begin_object();
  text_field("displayTimeUnit", "ms");
  json.key("traceEvents");
  json.begin_array();
  name_event("process_name", 0, process);
  for (const auto& [id, own] : tracks_) name_event("thread_name", id, fmt::format("{} {}", texts_[own.name], id));
  for (const auto& each : slices_) {
    begin_event("X", texts_[each.text], each.task);
    text_field("cat", each.runs != 0 ? "runs" : each.thread != 0 ? "run" : "wait");
    number_field("ts", static_cast<std::uint64_t>(each.begin_us - earliest));
    number_field("dur", static_cast<std::uint64_t>(std::max<std::int64_t>(each.end_us - each.begin_us, 0)));
    json.key("args");
    json.begin_object();
    if (each.runs != 0)
      number_field("runs", each.runs);
    else
      text_field("at", texts_[each.place]);
    if (each.thread != 0) number_field("thread", each.thread);
    if (each.busy_us >= 0) number_field("busyMicroseconds", static_cast<std::uint64_t>(each.busy_us));
    json.end_object();
    json.end_object();
  }
  json.end_array();
  json.end_object();
  out.push_back('\n');
}

}  // namespace tasks::cli

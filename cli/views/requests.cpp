#include "views/requests.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "base/quantities.hpp"
#include "base/table.hpp"
#include "base/text.hpp"
#include "views/json.hpp"
#include "views/stack.hpp"

namespace tasks::cli {
namespace {

std::string shown(std::string_view from_target) {
  fmt::memory_buffer text;
  append_foreign(text, from_target);
  return {text.data(), text.size()};
}

/// `12 "conn 42" user=ann`: without the label that its row is about.
std::string task_words(const v1::Task& task, const std::string& key) {
  fmt::memory_buffer text;
  fmt::format_to(std::back_inserter(text), "{}", task.id());
  v1::Task others;
  others.set_name(task.name());
  *others.mutable_labels() = task.labels();
  others.mutable_labels()->erase(key);
  append_annotations(text, others);
  return {text.data(), text.size()};
}

std::string oldest_words(const surveyed_request& request, const render_context& context) {
  if (request.oldest_ms) return format_age(*request.oldest_ms, context.resolution_ms);
  return request.seen_ms ? "seen " + format_age(*request.seen_ms, context.resolution_ms) : "-";
}

/// "query(db&) db.cpp:41"
std::string innermost_words(const resolved& meaning) {
  if (meaning.frames.empty()) return "-";
  const auto& f = *meaning.frames.front().location;
  const auto where = place(f);
  return (f.function.empty() ? "<unknown>" : f.function) + (where.empty() ? "" : " " + where);
}

/// "user 12, role 4", most first.
std::string keys_words(const request_survey& survey) {
  std::vector<std::pair<std::string, std::uint64_t>> keys(survey.other_keys.begin(), survey.other_keys.end());
  std::stable_sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string words;
  for (const auto& [key, count] : keys) words += fmt::format("{}{} {}", words.empty() ? "" : ", ", shown(key), count);
  return words;
}

/// Where there is no row: why, and what to do.
void render_no_requests(fmt::memory_buffer& out, const request_survey& survey) {
  const auto all = number_and_noun(survey.trailer.total(), "task");
  if (survey.key.empty())
    return append(out, fmt::format("no task has a label ({}): tasks::this_task::set_label(\"{}\", …) gives it one\n",
                                   all, usual_request_label));
  append(out, fmt::format("no task has the label {} ({})\n", shown(survey.key), all));
  if (!survey.other_keys.empty()) append(out, fmt::format("labels that tasks have: {} (--by)\n", keys_words(survey)));
}

}  // namespace

void render_requests(fmt::memory_buffer& out, const request_survey& survey, const render_context& context) {
  auto trailer = survey.trailer;
  if (survey.requests.empty()) {
    render_no_requests(out, survey);
  } else {
    std::vector<table_row> rows = {{shown(survey.key), "OLDEST", "TASKS", "TASK", "STATE", "WHERE"}};
    for (const auto& each : survey.requests)
      rows.push_back({shown(each.value), oldest_words(each, context), in_thousands(each.tasks),
                      task_words(each.task, survey.key), describe_state(each.task, each.meaning, context),
                      innermost_words(each.meaning)});
    render_table(out, {{false, 0, true}, {true, 6}, {true, 5}, {}, {}, {}}, rows, "", context.style);
    fmt::format_to(std::back_inserter(out), "\n{} of {} {} the label {}", survey.labelled,
                   number_and_noun(trailer.total(), "task"), survey.labelled == 1 ? "has" : "have", shown(survey.key));
    if (survey.left_out != 0)
      fmt::format_to(std::back_inserter(out), "; {} left out (--limit)", number_and_noun(survey.left_out, "value"));
    out.push_back('\n');
  }
  // What is told of tasks is told above; what could not be read is not.
  trailer.set_matched(1);
  trailer.set_shown(1);
  render_trailer(out, trailer, false);
}

void fill_view(const request_survey& survey, v1::RequestsView& view) {
  view.set_key(survey.key);
  for (const auto& each : survey.requests) {
    auto& to = *view.add_requests();
    to.set_value(each.value);
    to.set_tasks(each.tasks);
    to.set_running(each.running);
    to.set_ready(each.ready);
    if (each.oldest_ms) to.set_oldest_seconds(seconds(*each.oldest_ms));
    if (!each.oldest_ms && each.seen_ms) to.set_seen_seconds(seconds(*each.seen_ms));
    fill_view(each.task, each.meaning, *to.mutable_task());
  }
  view.set_left_out(survey.left_out);
  view.set_labelled(survey.labelled);
  view.set_total(survey.trailer.total());
  view.set_complete(survey.trailer.complete() && survey.left_out == 0);
  view.mutable_other_keys()->insert(survey.other_keys.begin(), survey.other_keys.end());
}

}  // namespace tasks::cli

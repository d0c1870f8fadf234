#include "views/check.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "base/quantities.hpp"
#include "base/text.hpp"

namespace tasks::cli {
namespace {

std::string words_of(const checked_process& process) {
  if (!process.what) return process.why_unknown;
  if (process.what->problems.empty())
    return fmt::format("{}, {} blocked", number_and_noun(process.what->tasks, "task"), process.what->blocked);
  std::string text;
  for (const auto& each : process.what->problems) text += (text.empty() ? "" : "; ") + each.what;
  return text;
}

/// What would end the text for who reads perfdata, or drive a terminal.
std::string in_one_line(std::string_view text) {
  fmt::memory_buffer clean;
  append_foreign(clean, text);
  std::string line(clean.data(), clean.size());
  std::replace(line.begin(), line.end(), '|', '/');
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

/// 'label'=value[UOM];[warning];[critical]
void append_measurement(fmt::memory_buffer& out, const measurement& what, std::string_view of_whom) {
  const auto to = std::back_inserter(out);
  if (of_whom.empty())
    fmt::format_to(to, " {}={}{}", what.name, what.value, what.unit);
  else
    fmt::format_to(to, " '{} {}'={}{}", of_whom, what.name, what.value, what.unit);
  if (!what.most) return;
  fmt::format_to(to, ";{}", what.most->warning);
  if (what.most->critical) fmt::format_to(to, ";{}", *what.most->critical);
}

}  // namespace

severity state_of(const checked_process& process) {
  if (!process.what) return v1::CheckView::UNKNOWN;
  return process.what->problems.empty() ? v1::CheckView::OK : process.what->problems.front().how;
}

severity state_of(const std::vector<checked_process>& all) {
  severity worst = v1::CheckView::OK;
  for (const auto& each : all)
    if (is_worse(state_of(each), worst)) worst = state_of(each);
  return worst;
}

void render_check(fmt::memory_buffer& out, const std::vector<checked_process>& all) {
  auto sorted = all;
  std::stable_sort(sorted.begin(), sorted.end(), [](const checked_process& a, const checked_process& b) {
    return is_worse(state_of(a), state_of(b));
  });
  std::string text;
  for (const auto& each : sorted) text += (text.empty() ? "" : "; ") + each.subject + ": " + words_of(each);
  append(out, v1::CheckView::State_Name(state_of(all)) + ": " + in_one_line(text));
  std::string_view separator = " |";
  for (const auto& each : all) {
    if (!each.what) continue;
    append(out, std::exchange(separator, ""));
    auto subject = all.size() == 1 ? std::string() : in_one_line(each.subject);
    std::replace(subject.begin(), subject.end(), '\'', ' ');
    std::replace(subject.begin(), subject.end(), '=', ' ');
    for (const auto& what : each.what->measured) append_measurement(out, what, subject);
  }
  out.push_back('\n');
}

void fill_view(const std::vector<checked_process>& all, v1::CheckView& view) {
  view.set_state(state_of(all));
  for (const auto& each : all) {
    auto& to = *view.add_processes();
    to.set_subject(each.subject);
    to.set_pid(each.pid);
    to.set_state(state_of(each));
    if (!each.what) {
      auto& why = *to.add_problems();
      why.set_state(v1::CheckView::UNKNOWN);
      why.set_what(each.why_unknown);
      continue;
    }
    for (const auto& what : each.what->problems) {
      auto& problem = *to.add_problems();
      problem.set_state(what.how);
      problem.set_what(what.what);
    }
    for (const auto& what : each.what->measured) {
      auto& measured = *to.add_measurements();
      measured.set_name(what.name);
      measured.set_value(what.value);
      measured.set_unit(what.unit);
      if (!what.most) continue;
      measured.set_warning(what.most->warning);
      if (what.most->critical) measured.set_critical(*what.most->critical);
    }
  }
}

}  // namespace tasks::cli

#include "top/model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/quantities.hpp"
#include "base/table.hpp"

namespace tasks::cli {
namespace {

using about = feed_question::about;

constexpr double most_of_the_time = 0.05;  ///< that looks may take

constexpr std::string_view help_text =
    "\033[1mKeys\033[0m\n"
    "  arrows, j k, PgUp PgDn, g G  move\n"
    "  Enter       from a process to its groups, their tasks, and why one waits\n"
    "  Esc         back; where there is a filter, end that\n"
    "  /           only lines that have what is typed; Esc ends it\n"
    "  / n N       in a page: search, and on to the next and the previous line that has it\n"
    "  s           sort by the next column: its title is marked\n"
    "  t l T       tree, leaks, threads of the process\n"
    "  p           pause, and go on\n"
    "  b           have runs timed, by the agent, as long as you look: who is busy; again: stop that\n"
    "  w           record from now on into NAME-PID-DATE.tasks; again: stop that\n"
    "  left right  in a recording: to the snapshot before, to the next one\n"
    "  q           back from a page, else quit\n"
    "\n"
    "\033[1mColumns\033[0m\n"
    "  GROWTH     tasks more, or less, a minute, over the last minute\n"
    "  OLDEST     for how long the oldest of these tasks has been as it is; ~4s, of a program without a hook:\n"
    "             one was so at each look for 4s, and may have gone on between two of them\n"
    "  RESUMES/s  how often they are resumed; not read of more than 20,000 tasks\n"
    "  BUSY       with b: how much of one CPU they have had since the last look, between their waits\n"
    "  LONGEST    with b: the longest run of one without a wait\n"
    "  LATE       with b: the longest time from when one could go on, to when it did\n"
    "\n"
    "A group is tasks of one stack that wait for the same kind of thing.\n"
    "Looks take a twentieth of the time at most: they are fewer where one takes long.\n";

std::string_view title_of_page(about what) {
  switch (what) {
    case about::tree:
      return "tree";
    case about::leaks:
      return "leaks";
    case about::threads:
      return "threads";
    default:
      return "why";
  }
}

template <class Number>
Number number_of(const std::string& text) {
  Number number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// "q quit  ? help"
drawn_line named_keys(const std::vector<std::pair<std::string_view, std::string_view>>& keys) {
  drawn_line line;
  for (const auto& [key, meaning] : keys) {
    line.push_back({(line.empty() ? "" : " ") + std::string(key), tone::strong});
    line.push_back({" " + std::string(meaning), tone::faint});
  }
  return line;
}

std::string padded(std::string text, std::size_t width, bool right) {
  text = cut(text, width);
  const std::string space(width - std::min(width, display_width(text)), ' ');
  return right ? space + text : text + space;
}

}  // namespace

top_model::top_model(const top_choices& chosen) : chosen_(chosen) {
  if (chosen.pid)
    enter_process(*chosen.pid);
  else
    enter_processes();
}

const top_model::level& top_model::list() const {
  return *std::find_if(levels_.rbegin(), levels_.rend(), [](const level& each) { return each.table.has_value(); });
}

void top_model::enter_processes() {
  level made;
  made.of.is = about::processes;
  made.table.emplace(process_columns());
  levels_.push_back(std::move(made));
}

void top_model::enter_process(pid_t pid) {
  seen_.forget();
  failure_.clear();
  note_.clear();
  has_ended_ = false;
  level made;
  made.of.is = about::groups;
  made.of.pid = pid;
  made.table.emplace(group_columns());
  show_times(*made.table, wants_times_);
  levels_.push_back(std::move(made));
}

void top_model::enter_group(const glance_group& group) {
  level made;
  made.of = here().of;
  made.of.is = about::tasks;
  made.of.group = group;
  made.table.emplace(task_columns());
  show_times(*made.table, wants_times_);
  levels_.push_back(std::move(made));
}

void top_model::enter_page(about what, std::uint64_t task) {
  level made;
  made.of = list().of;
  made.of.is = what;
  made.of.task = task;
  if (!is_in_process()) made.of.pid = number_of<pid_t>(list().table->chosen());
  if (!is_in_process() && made.of.pid == 0) return;
  made.title = title_of_page(what);
  if (task != 0) made.title += fmt::format(" {}", task);
  made.page.set_text("looking …");
  levels_.push_back(std::move(made));
}

void top_model::enter_help() {
  level made;
  made.title = "help";
  made.page.set_text(help_text);
  made.is_asked = made.is_there = true;
  levels_.push_back(std::move(made));
}

void top_model::drill() {
  const auto id = here().table->chosen();
  if (id.empty()) return;
  switch (here().of.is) {
    case about::processes:
      return enter_process(number_of<pid_t>(id));
    case about::groups: {
      const auto& groups = seen_.last()->seen.groups;
      const auto at = std::find_if(groups.begin(), groups.end(), [&](const auto& each) { return each.key == id; });
      if (at != groups.end()) enter_group(*at);
      return;
    }
    default:
      return enter_page(about::why, number_of<std::uint64_t>(id));
  }
}

void top_model::go_back() {
  if (levels_.size() == 1) return;
  const bool leaves_process = here().of.is == about::groups && here().table;
  levels_.pop_back();
  if (!leaves_process) return;
  seen_.forget();
  failure_.clear();
  note_.clear();
  recording_.clear();
  kept_.clear();
  has_ended_ = wants_record_ = wants_times_ = false;
  if (chosen_.is_recording) here().is_asked = false;  // it may have been led to another time
}

bool top_model::press_while_typing(const keystroke& key) {
  auto& table = *here().table;
  auto text = table.filter();
  if (key.which == key::enter) {
    is_typing_ = false;
  } else if (key.which == key::escape) {
    is_typing_ = false;
    text.clear();
  } else if (key.which == key::erase) {
    if (!text.empty()) text.pop_back();
  } else if (key.which == key::character) {
    text += key.character;
  } else {
    return table.press(key);
  }
  table.set_filter(std::move(text));
  return true;
}

void top_model::press(const keystroke& key) {
  auto& place = here();
  if (is_typing_) {
    press_while_typing(key);
    return;
  }
  if (!place.table && place.page.typed()) {
    place.page.press(key);
    return;
  }
  if (key.which == key::character && key.character == 'q') {
    if (place.table)
      has_quit_ = true;
    else
      go_back();
  } else if (key.which == key::escape) {
    if (place.table && !place.table->filter().empty())
      place.table->set_filter("");
    else
      go_back();
  } else if (place.table ? place.table->press(key) : place.page.press(key)) {
    return;
  } else if (key.which == key::enter && place.table) {
    drill();
  } else if (key.which == key::left || key.which == key::right) {
    step(key.which == key::left ? -1 : 1);
  } else if (key.which == key::character) {
    press_letter(key.character);
  }
}

void top_model::press_letter(char letter) {
  if (letter == 'p') is_paused_ = !is_paused_;
  if (letter == 'w') toggle_recording();
  if (letter == 'b') toggle_times();
  if (letter == '?' && here().title != "help") enter_help();
  if (!here().table) return;
  if (letter == '/') is_typing_ = true;
  if (letter == 's') here().table->sort_by_next();
  if (letter == 't') enter_page(about::tree, 0);
  if (letter == 'l') enter_page(about::leaks, 0);
  if (letter == 'T') enter_page(about::threads, 0);
}

void top_model::step(int by) {
  if (!chosen_.is_recording) return;
  steps_ += by;
  const auto* last = seen_.last();
  const auto number = last != nullptr ? last->number : processes_at_.number;
  const auto of = last != nullptr ? last->of : processes_at_.of;
  if (of == 0) return;
  // One beyond the first or the last is none: the way back begins there.
  const auto there = static_cast<int>(number) + asked_steps_;
  steps_ = std::clamp(steps_, 1 - there, static_cast<int>(of) - there);
}

void top_model::toggle_recording() {
  if (chosen_.is_recording) {
    note_ = "this is a recording";
  } else if (!is_in_process()) {
    note_ = "enter a process, which is to be recorded";
  } else {
    wants_record_ = !wants_record_;
    asks_record_ = true;
  }
}

void top_model::toggle_times() {
  if (chosen_.is_recording) {
    note_ = "this is a recording";
  } else if (!is_in_process()) {
    note_ = "enter a process, whose runs are to be timed";
  } else {
    wants_times_ = !wants_times_;
    asks_times_ = true;
    for (auto& place : levels_)
      if (place.table) show_times(*place.table, wants_times_);
  }
}

std::optional<feed_question> top_model::urgent_question() {
  auto& place = here();
  const bool is_new = !place.is_asked;
  if (!is_new && steps_ == 0 && !asks_record_ && !asks_times_) return std::nullopt;
  auto question = is_new ? place.of : list().of;
  question.record = wants_record_;
  question.timed = wants_times_;
  if (!question.is_of_page()) {
    asks_times_ = false;
    question.step = asked_steps_ = std::exchange(steps_, 0);
    asks_record_ = false;
  }
  place.is_asked = true;
  return question;
}

std::optional<feed_question> top_model::regular_question() const {
  if (chosen_.is_recording || has_ended_ || (is_paused_ && !wants_record_)) return std::nullopt;
  auto question = list().of;
  question.record = wants_record_;
  question.timed = wants_times_;
  return question;
}

std::chrono::milliseconds top_model::interval() const {
  using namespace std::chrono_literals;
  const std::chrono::duration<double, std::milli> least(took_ms_ / most_of_the_time);
  if (least <= chosen_.interval) return chosen_.interval;
  return std::chrono::ceil<std::chrono::seconds>(least);
}

void top_model::take(feed_answer answer) {
  if (answer.to.is_of_page())
    take_page(std::move(answer));
  else
    take_look(std::move(answer));
}

void top_model::take_page(feed_answer answer) {
  auto& place = here();
  if (place.of.is != answer.to.is || place.of.pid != answer.to.pid || place.of.task != answer.to.task) return;
  place.is_there = true;
  place.page.set_text(answer.why_not ? message(*answer.why_not) : answer.page.empty() ? "nothing" : answer.page);
  if (!answer.note.empty()) note_ = std::move(answer.note);
}

void top_model::take_look(feed_answer answer) {
  const auto pid = list().of.pid;
  asked_steps_ = 0;
  if (answer.to.pid != pid) return;
  if (!recording_.empty() && answer.recording.empty()) kept_ = recording_;
  recording_ = std::move(answer.recording);
  if (!recording_.empty()) kept_.clear();
  if (wants_record_ && answer.to.record && recording_.empty()) wants_record_ = false;
  if (is_paused_ && has_seen_ && answer.to.step == 0 && list().is_there) return;
  if (answer.why_not) {
    has_ended_ = answer.has_ended;
    failure_ = answer.has_ended ? subject() + " has ended" : in_words(*answer.why_not);
    if (!has_seen_) why_nothing_ = std::move(answer.why_not);
    return;
  }
  failure_.clear();
  note_ = std::move(answer.note);
  has_seen_ = true;
  if (!answer.has_waited) {
    // One that was held up, by a debugger for instance, says nothing of the next.
    took_ms_ = last_took_ms_ ? std::min(*last_took_ms_, answer.took_ms) : answer.took_ms;
    last_took_ms_ = answer.took_ms;
  }
  for (auto& each : answer.glimpses) seen_.add(std::move(each));
  if (answer.to.is == about::processes) {
    processes_ = std::move(answer.processes);
    processes_at_ = std::move(answer.moment);
    growth_.add(processes_, answer.at);
  }
  for (auto& place : levels_) {
    if (place.of.is == answer.to.is && place.table) place.is_there = true;
    if (place.of.is != about::tasks || !place.table || !answer.tasks) continue;
    if (place.of.group.key != answer.to.group.key) continue;
    place.resumes.add(*answer.tasks, answer.at);
    place.tasks = std::move(answer.tasks);
  }
  fill_tables();
}

void top_model::fill_tables() {
  for (auto& place : levels_) {
    if (!place.table) continue;
    if (place.of.is == about::processes) place.table->set_rows(process_rows(processes_, growth_));
    if (place.of.is == about::groups) place.table->set_rows(group_rows(seen_));
    if (place.of.is == about::tasks && place.tasks) place.table->set_rows(task_rows(*place.tasks, place.resumes));
  }
}

std::string top_model::subject() const {
  if (const auto* last = seen_.last()) return fmt::format("{} {}", last->name, last->pid);
  return is_in_process() ? fmt::format("pid {}", list().of.pid) : "processes";
}

std::string top_model::pace() const {
  if (const auto* last = seen_.last(); last != nullptr && last->of != 0)
    return fmt::format("snapshot {} of {}, {}", last->number, last->of, last->when);
  if (!is_in_process() && processes_at_.of != 0)
    return fmt::format("snapshot {} of {}, {}", processes_at_.number, processes_at_.of, processes_at_.when);
  if (is_paused_) return "paused";
  const auto every = interval();
  const auto seconds = static_cast<double>(every.count()) / 1000;
  auto words = fmt::format("every {:g}s", seconds);
  if (every > chosen_.interval) words += fmt::format(": a look takes {:.0f} ms", took_ms_);
  return words;
}

drawn_line top_model::draw_title(std::size_t width) const {
  auto left = harmless(subject());
  std::string more;
  if (const auto* last = seen_.last()) {
    const auto& now = last->seen.vitals;
    more = fmt::format(", up {}, {}", format_age(now.uptime_ms(), 0), number_and_noun(now.os_threads(), "thread"));
    if (now.failed() != 0) more += fmt::format(", {} failed", now.failed());
  } else if (!is_in_process()) {
    more = fmt::format(": {}", processes_.processes_size());
  }
  if (!here().title.empty()) more += " > " + here().title;
  auto right = pace();
  const auto taken = display_width(left) + display_width(more) + display_width(right);
  const std::string space(taken < width ? width - taken : 1, ' ');
  return {{std::move(left), tone::strong}, {more + space}, {std::move(right), tone::faint}};
}

/// Two in a line: "tasks    19  +0.5/s  ▁▁▂▂▃".
std::vector<drawn_line> top_model::draw_totals(std::size_t width) const {
  constexpr std::size_t name_width = 8, value_width = 9, rate_width = 11, space = 1;
  const auto totals = seen_.totals();
  const auto half = std::max<std::size_t>(width / 2, 40);
  const auto line_width = half - std::min(half, name_width + value_width + rate_width + 3 * space + 1);
  std::vector<drawn_line> lines;
  for (std::size_t i = 0; i < totals.size(); ++i) {
    const auto& each = totals[i];
    if (i % 2 == 0) lines.emplace_back();
    auto& line = lines.back();
    line.push_back({padded(std::string(each.name), name_width, false), tone::faint});
    line.push_back({" " + padded(each.value, value_width, true), tone::strong});
    line.push_back({" " + padded(each.rate, rate_width, true)});
    line.push_back({" " + each.drawn->line(line_width) + " ", tone::faint});
  }
  return lines;
}

drawn_line top_model::draw_message() const {
  drawn_line line;
  const auto add = [&](const std::string& text, tone as) {
    if (!text.empty()) line.push_back({(line.empty() ? "" : "; ") + harmless(text), as});
  };
  const auto& table = list().table;
  if (!failure_.empty())
    add("! " + failure_ +
            (seen_.last() != nullptr ? fmt::format("; this is the picture of {}", seen_.last()->when) : ""),
        tone::warning);
  if (!recording_.empty()) add("recording into " + recording_, tone::strong);
  if (!kept_.empty()) add("recorded into " + kept_, tone::strong);
  add(note_, tone::warning);
  if (!here().table) add(here().page.where(), tone::usual);
  if (here().table && !table->filter().empty())
    add(fmt::format("filter \"{}\": {} of {}", table->filter(), table->size(), table->size_of_all()), tone::strong);
  if (const auto& of = list(); here().table && of.of.is == about::tasks) {
    const auto& group = of.of.group;
    add(fmt::format("{}{} {}", group.function, group.place.empty() ? "" : " " + group.place, group.what), tone::usual);
    if (of.tasks && !of.tasks->is_all) add(fmt::format("the first {}", of.tasks->tasks.size()), tone::usual);
  }
  if (line.empty() && !list().is_there) add("looking …", tone::faint);
  return line;
}

drawn_line top_model::draw_keys() const {
  if (is_typing_) return {{"/" + list().table->filter()}, {" ", tone::chosen}};
  if (!here().table) {
    if (const auto& typed = here().page.typed()) return {{"/" + *typed}, {" ", tone::chosen}};
    return named_keys({{"q", "back"}, {"arrows, PgUp, PgDn", "scroll"}, {"/", "search"}, {"n N", "next, previous"}});
  }
  std::vector<std::pair<std::string_view, std::string_view>> keys = {
      {"q", "quit"}, {"?", "help"},  {"/", "filter"}, {"s", here().table->order()},
      {"t", "tree"}, {"l", "leaks"}, {"T", "threads"}};
  if (chosen_.is_recording)
    keys.emplace_back("← →", "time");
  else
    keys.emplace_back("p", is_paused_ ? "go on" : "pause");
  if (!chosen_.is_recording && is_in_process()) keys.emplace_back("w", recording_.empty() ? "record" : "stop");
  return named_keys(keys);
}

drawing top_model::draw(const screen_size& size) {
  drawing drawn;
  drawn.lines.push_back(draw_title(size.columns));
  if (is_in_process() && here().table)
    for (auto& line : draw_totals(size.columns)) drawn.lines.push_back(std::move(line));
  const auto message_at = drawn.lines.size();
  drawn.lines.emplace_back();
  const auto left = size.rows - std::min(size.rows, drawn.lines.size() + 1);
  auto& place = here();
  auto body = place.table ? place.table->draw(left, size.columns) : place.page.draw(left);
  body.resize(left);
  for (auto& line : body) drawn.lines.push_back(std::move(line));
  drawn.lines[message_at] = draw_message();
  drawn.lines.push_back(draw_keys());
  return drawn;
}

}  // namespace tasks::cli

#include "commands/top_feed.hpp"

#include <fmt/format.h>
#include <sys/types.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "commands/open_recording.hpp"
#include "commands/show.hpp"
#include "commands/written_page.hpp"
#include "linux/proc.hpp"
#include "sources/recorded_source.hpp"
#include "sources/recording_file.hpp"
#include "surveys/glance.hpp"
#include "surveys/processes.hpp"
#include "surveys/recorder.hpp"
#include "surveys/why.hpp"
#include "views/why.hpp"

namespace tasks::cli {
namespace {

using about = feed_question::about;

constexpr std::size_t most_glimpses = 60;

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::int64_t now_ns() {
  using namespace std::chrono;
  return duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count();
}

result<void> write_why(snapshot_source& source, std::uint64_t task, const target_options& of, output& out) {
  const auto survey = survey_wait(source, task, {});
  if (!survey) return survey.why();
  render_why(out.text(), *survey, context_of(of, source, out, survey->resolution_ms));
  return {};
}

template <class Request>
Request request_of(const target_options& of) {
  Request made;
  static_cast<target_options&>(made) = of;
  return made;
}

result<void> write_leaks(snapshot_source& source, const target_options& of, output& out) {
  const auto shown = show_leaks(source, request_of<leaks_request>(of), out);
  if (!shown) return shown.why();
  return {};
}

/// What the view of the same name prints.
result<std::string> page_of(snapshot_source& source, const feed_question& question, const target_options& of) {
  auto style = style_of_stdout();
  style.width = 0;  // lines are scrolled through, not cut
  written_page page(style);
  result<void> shown;
  switch (question.is) {
    case about::why:
      shown = write_why(source, question.task, of, page.out());
      break;
    case about::tree:
      shown = show_tree(source, request_of<tree_request>(of), page.out());
      break;
    case about::leaks:
      shown = write_leaks(source, of, page.out());
      break;
    default:
      shown = show_threads(source.from(), &source, "", request_of<threads_request>(of), page.out());
      break;
  }
  if (!shown) return shown.why();
  return page.read();
}

/// "lab-4131-20260131-123005.tasks"
std::string recording_name(const std::string& name, pid_t pid) {
  const std::time_t now = ::time(nullptr);
  std::tm fields{};
  ::localtime_r(&now, &fields);
  std::array<char, 32> date{};
  ::strftime(date.data(), date.size(), "%Y%m%d-%H%M%S", &fields);
  auto file = fmt::format("{}-{}-{}.tasks", name, pid, date.data());
  std::replace_if(
      file.begin(), file.end(),
      [](char c) { return c == ' ' || c == '/' || static_cast<unsigned char>(c) < ' ' || c == 0x7f; }, '-');
  return file;
}

/// A process that is looked at again and again, as long as it is the same.
class watched_process {
 public:
  watched_process(pid_t pid, const target_options& of) : pid_(pid), options_(of) {
    options_.target = std::to_string(pid);
    options_.seen = std::make_shared<sightings>();
    if (const auto stat = read_stat(pid)) start_time_ = stat->start_time;
    learn_name();
  }

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

  void answer(const feed_question& question, feed_answer& to) {
    if (!is_there()) return end(to);
    const bool is_other = follow_exec();
    if (const auto opened = open(); !opened) return fail(opened.why(), to);
    if (question.is_of_page())
      write_page(question, to);
    else
      look(question, is_other, to);
    to.note = notes_ + (notes_.empty() || why_not_timed_.empty() ? "" : "; ") + why_not_timed_;
    // One that answers from memory is asked again the next time.
    if (source_ && !notes_.empty() && source_->from() != nullptr && source_->from()->has_hook()) {
      to.has_waited = true;
      source_.reset();
    }
  }

 private:
  [[nodiscard]] bool is_there() const {
    const auto stat = read_stat(pid_);
    return stat && stat->start_time == start_time_ && !process_has_ended(*stat);
  }

  void learn_name() {
    executable_ = executable_of(pid_);
    const auto stat = read_stat(pid_);
    name_ = !executable_.empty() ? std::string(base_name(executable_)) : stat ? stat->name : "process";
  }

  /// After an exec, or when a library was loaded or unloaded, an address may be another function's. True: an exec.
  bool follow_exec() {
    auto code = executable_mappings(pid_);
    if (code == code_) return false;
    code_ = std::move(code);
    source_.reset();
    recorder_ = {};
    *options_.seen = {};
    if (executable_of(pid_) == executable_) return false;
    learn_name();
    glances_ = {};
    is_other_program_ = true;
    return true;
  }

  result<void> open() {
    if (source_) return {};
    notes_.clear();
    auto opened = open_target(options_, [this](const std::string& line) {
      const std::string_view begin = "tasks: ";
      notes_ += (notes_.empty() ? "" : "; ") + (line.starts_with(begin) ? line.substr(begin.size()) : line);
    });
    if (!opened) return opened.why();
    source_ = *std::move(opened);
    is_new_ = true;
    return {};
  }

  void look(const feed_question& question, bool is_other, feed_answer& to) {
    auto* from = source_->from();
    if (!std::exchange(is_new_, false) && from != nullptr && !from->has_hook())
      if (const auto looked = from->look_again(stop_order::whom::who_runs, {}); !looked) return fail(looked.why(), to);
    const bool timed = time_runs(question.timed);
    auto seen = glances_.look(*source_, timed);
    if (!seen) return fail(seen.why(), to);
    is_other_program_ = false;
    glimpse now;
    now.seen = *std::move(seen);
    now.name = name_;
    now.pid = pid_;
    now.at = to.at;
    now.when = format_time(now_ns());
    now.anew = is_other;
    to.glimpses.push_back(std::move(now));
    if (question.is == about::tasks) {
      auto tasks = glances_.look_into(*source_, question.group, timed);
      if (!tasks) return fail(tasks.why(), to);
      to.tasks = *std::move(tasks);
    }
    record(question.record, to);
  }

  /// That they cannot be timed is no reason not to show the rest.
  bool time_runs(bool wanted) {
    constexpr std::chrono::seconds lease{15};
    why_not_timed_.clear();
    if (!wanted) {
      if (std::exchange(is_timed_, false)) static_cast<void>(source_->time_runs(std::chrono::milliseconds(0)));
      return false;
    }
    const auto timed = source_->time_runs(lease);
    is_timed_ = static_cast<bool>(timed);
    if (!timed) why_not_timed_ = message(timed.why());
    return is_timed_;
  }

  void write_page(const feed_question& question, feed_answer& to) {
    auto page = page_of(*source_, question, options_);
    if (page)
      to.page = *std::move(page);
    else
      to.why_not = page.why();
    to.recording = file_ ? file_name_ : "";
  }

  /// That it cannot be kept is no reason not to show it.
  void record(bool wanted, feed_answer& to) {
    if (!wanted) {
      file_.reset();
      return;
    }
    auto kept = keep();
    if (!kept) {
      file_.reset();
      notes_ = message(kept.why());
    } else {
      to.recording = file_name_;
    }
  }

  result<void> keep() {
    if (!file_) {
      file_name_ = recording_name(name_, pid_);
      auto made = recording_writer::open(file_name_);
      if (!made) return made.why();
      file_.emplace(*std::move(made));
      recorder_ = {};
    }
    auto taken = recorder_.take(*source_, {});
    if (!taken) return taken.why();
    return file_->append(std::move(taken->head), std::move(taken->parts));
  }

  void fail(const error& why, feed_answer& to) {
    source_.reset();
    if (why.code == error_code::no_such_process || !is_there()) return end(to);
    to.why_not = why;
    if (is_other_program_) to.why_not->fact = fmt::format("it executes {} now: {}", name_, why.fact);
    to.has_waited = true;
    to.recording = file_ ? file_name_ : "";
  }

  void end(feed_answer& to) {
    source_.reset();
    file_.reset();
    to.has_ended = true;
    to.why_not = no_such_process(pid_);
  }

  pid_t pid_;
  target_options options_;
  std::uint64_t start_time_ = 0;
  std::string name_, executable_;
  std::string code_;  ///< its executable mappings
  std::unique_ptr<snapshot_source> source_;
  bool is_other_program_ = false;  ///< since it was last seen
  bool is_new_ = false;            ///< the source has just been opened, and has looked
  std::string notes_;              ///< what was told of it then
  bool is_timed_ = false;          ///< its runs are
  std::string why_not_timed_;      ///< though they should be
  glances glances_;
  recorder recorder_;
  std::optional<recording_writer> file_;
  std::string file_name_;
};

class live_feed final : public feed {
 public:
  explicit live_feed(const target_options& of) : of_(of) {}

  feed_answer ask(const feed_question& question) override {
    feed_answer answer;
    answer.at = steady_seconds();
    if (question.is == about::processes) {
      watched_.reset();
      answer.processes = list_processes(of_.timeout);
      return answer;
    }
    if (!watched_ || watched_->pid() != question.pid) watched_.emplace(question.pid, of_);
    watched_->answer(question, answer);
    return answer;
  }

 private:
  target_options of_;
  std::optional<watched_process> watched_;
};

class recorded_feed final : public feed {
 public:
  recorded_feed(const target_options& of, const recording_reader& file, recorded_series series, std::size_t place)
      : of_(of), file_(file), series_(std::move(series)), place_(place) {}

  [[nodiscard]] pid_t pid() const noexcept { return static_cast<pid_t>(series_.pid); }
  /// Of the snapshot where it is.
  [[nodiscard]] std::int64_t time() const { return series_.times[place_]; }

  feed_answer ask(const feed_question& question) override {
    feed_answer answer;
    const auto last = static_cast<std::int64_t>(series_.snapshots.size()) - 1;
    place_ =
        static_cast<std::size_t>(std::clamp<std::int64_t>(static_cast<std::int64_t>(place_) + question.step, 0, last));
    answer.at = seconds_of(place_);
    if (const auto done = fill(question, answer); !done) answer.why_not = done.why();
    answer.note = file_.damage();
    return answer;
  }

 private:
  result<void> fill(const feed_question& question, feed_answer& to) {
    if (const auto looked = go_to_place(); !looked) return looked.why();
    of_.at = std::to_string(place_ + 1);
    if (question.is_of_page()) {
      auto page = page_of(*source_, question, of_);
      if (!page) return page.why();
      to.page = *std::move(page);
      return {};
    }
    for (auto first = first_of_run(); first <= place_; ++first) to.glimpses.push_back(glimpses_.at(first));
    to.glimpses.front().anew = true;
    if (question.is != about::tasks) return {};
    auto tasks = glances_.look_into(*source_, question.group);
    if (!tasks) return tasks.why();
    to.tasks = *std::move(tasks);
    return {};
  }

  /// Rates are known of a snapshot with the one before it.
  result<void> go_to_place() {
    if (source_ && looked_at_ == place_) return {};
    const bool is_next = source_ && looked_at_ + 1 == place_;
    if (!is_next && place_ != 0)
      if (const auto looked = look_at(place_ - 1); !looked) return looked.why();
    return look_at(place_);
  }

  result<void> look_at(std::size_t place) {
    source_.reset();
    const auto number = series_.snapshots[place];
    auto parts = file_.parts(number);
    if (!parts) return parts.why();
    auto opened = open_recorded(file_.snapshots()[number], *std::move(parts), *of_.from);
    if (!opened) return opened.why();
    auto seen = glances_.look(**opened);
    if (!seen) return seen.why();
    source_ = *std::move(opened);
    looked_at_ = place;
    glimpse made;
    made.seen = *std::move(seen);
    made.name = series_.name;
    made.pid = static_cast<pid_t>(series_.pid);
    made.at = seconds_of(place);
    made.when = format_time(series_.times[place]);
    made.number = place + 1;
    made.of = series_.snapshots.size();
    glimpses_[place] = std::move(made);
    return {};
  }

  /// Of those that were looked at one after the other until this one.
  [[nodiscard]] std::size_t first_of_run() const {
    auto first = place_;
    while (first != 0 && place_ - first < most_glimpses && glimpses_.contains(first - 1)) --first;
    return first;
  }

  [[nodiscard]] double seconds_of(std::size_t place) const { return static_cast<double>(series_.times[place]) / 1e9; }

  target_options of_;
  const recording_reader& file_;
  recorded_series series_;
  std::size_t place_;
  std::size_t looked_at_ = 0;  ///< if there is a source
  std::unique_ptr<snapshot_source> source_;
  glances glances_;
  std::map<std::size_t, glimpse> glimpses_;
};

/// A file: one process in it, or a list of all and each by itself, at one time for all of them.
class feed_of_file final : public feed {
 public:
  feed_of_file(const target_options& of, recording_reader file)
      : of_(of), file_(std::move(file)), all_(all_series(file_)), rounds_(ends_of_rounds(file_)) {}

  /// Fails where `of` chooses no process, or no moment, that is there.
  result<void> begin() {
    if (has_list()) {
      const auto round = of_.at ? choose_snapshot(rounds_, *of_.at) : result<std::size_t>(rounds_.size() - 1);
      if (!round) return round.why();
      round_ = *round;
      return {};
    }
    auto series = find_series(file_, *of_.from, of_.target);
    if (!series) return series.why();
    const auto place = of_.at ? choose_snapshot(series->times, *of_.at) : result<std::size_t>(series->times.size() - 1);
    if (!place) return place.why();
    entered_.emplace(of_, file_, *std::move(series), *place);
    return {};
  }

  [[nodiscard]] bool has_list() const noexcept { return all_.size() > 1 && of_.target.empty(); }

  feed_answer ask(const feed_question& question) override {
    if (!has_list()) return entered_->ask(question);
    if (question.is == about::processes) return list(question.step);
    if (!entered_ || entered_->pid() != question.pid) enter(question.pid);
    auto answer = entered_->ask(question);
    const auto now = std::lower_bound(rounds_.begin(), rounds_.end(), entered_->time());
    round_ = static_cast<std::size_t>(now - rounds_.begin());
    return answer;
  }

 private:
  feed_answer list(int step) {
    entered_.reset();
    const auto last = static_cast<std::int64_t>(rounds_.size()) - 1;
    round_ = static_cast<std::size_t>(std::clamp<std::int64_t>(static_cast<std::int64_t>(round_) + step, 0, last));
    feed_answer answer;
    answer.at = static_cast<double>(rounds_[round_]) / 1e9;
    answer.moment = {format_time(rounds_[round_]), round_ + 1, rounds_.size()};
    answer.note = file_.damage();
    for (const auto& series : all_) {
      const auto place = place_at(series);
      if (!place) continue;
      const auto shown = process_in(series.snapshots[*place]);
      if (shown)
        *answer.processes.add_processes() = *shown;
      else
        answer.note = message(shown.why());
    }
    return answer;
  }

  /// The last one until now. Nothing: it was not recorded yet.
  [[nodiscard]] std::optional<std::size_t> place_at(const recorded_series& series) const {
    const auto behind = std::upper_bound(series.times.begin(), series.times.end(), rounds_[round_]);
    if (behind == series.times.begin()) return std::nullopt;
    return static_cast<std::size_t>(behind - series.times.begin() - 1);
  }

  [[nodiscard]] result<v1::ProcessView> process_in(std::size_t snapshot) const {
    auto parts = file_.parts(snapshot);
    if (!parts) return parts.why();
    const auto source = open_recorded(file_.snapshots()[snapshot], *std::move(parts), *of_.from);
    if (!source) return source.why();
    return (*source)->recorded()->process();
  }

  /// Of processes that had one pid after each other it is the last one until now.
  void enter(pid_t pid) {
    const recorded_series* chosen = nullptr;
    for (const auto& series : all_)
      if (static_cast<pid_t>(series.pid) == pid && (chosen == nullptr || place_at(series))) chosen = &series;
    if (chosen == nullptr) chosen = &all_.front();  // a list has no other pids
    auto of = of_;
    of.target = std::to_string(chosen->pid);
    entered_.emplace(of, file_, *chosen, place_at(*chosen).value_or(0));
  }

  target_options of_;
  recording_reader file_;
  std::vector<recorded_series> all_;
  std::vector<std::int64_t> rounds_;  ///< when each was over
  std::size_t round_ = 0;
  std::optional<recorded_feed> entered_;
};

}  // namespace

std::unique_ptr<feed> feed_of_processes(const target_options& of) { return std::make_unique<live_feed>(of); }

result<recorded_processes> feed_of_recording(const target_options& of) {
  auto file = recording_reader::open(*of.from);
  if (!file) return file.why();
  auto made = std::make_unique<feed_of_file>(of, *std::move(file));
  if (const auto begun = made->begin(); !begun) return begun.why();
  const bool has_list = made->has_list();
  return recorded_processes{std::move(made), has_list};
}

}  // namespace tasks::cli

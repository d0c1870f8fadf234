#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>

#include "base/json.hpp"
#include "base/words.hpp"
#include "commands/command.hpp"
#include "proof/frame_bytes.hpp"
#include "proof/prover.hpp"
#include "surveys/leak_groups.hpp"
#include "surveys/running_stacks.hpp"
#include "target/roots.hpp"
#include "views/json.hpp"
#include "views/leaks.hpp"
#include "views/threads.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;

constexpr option options[] = {
    pid_option,
    {"--interval", "SECONDS", "look at the beginning, in the middle and at the end of it, and name what grows",
     &arguments::interval},
    {"--min-age", "AGE", "list tasks that have waited so long, though nothing is wrong with them (default 30s)",
     &arguments::min_age},
    {"--stalled-after", "SECONDS", "name workers that have run one task for longer (default 1)",
     &arguments::stalled_after},
    {"--prove", "", "fail unless it can be proven which tasks never wake", &arguments::prove},
    {"--no-prove", "", "prove nothing: the target is not stopped, not even for a moment", &arguments::no_prove},
    {"--top", "N", "at most so many groups (default 20)", &arguments::top},
    json_option,
    timeout_option,
    direct_option,
    core_option,
    exe_option,
};

constexpr int found_leaks = 3;

struct settings {
  leak_options groups;
  std::chrono::milliseconds interval{0}, stalled_after{1s};
  std::size_t top = 20;
};

result<std::chrono::milliseconds> duration(const char* name, const std::optional<std::string>& text,
                                           std::chrono::milliseconds otherwise, std::chrono::milliseconds least) {
  if (!text) return otherwise;
  const auto value = parse_duration(*text);
  if (!value || *value < least) return usage_error(name, "\"" + *text + "\" is no duration", "such as 5 or 500ms");
  return *value;
}

result<settings> settings_of(const arguments& args) {
  settings s;
  if (args.prove && args.no_prove) return usage_error("--prove", "not with --no-prove");
  if (args.core && args.interval) return usage_error("--interval", "nothing grows in a core", "leave it out");
  const auto interval = duration("--interval", args.interval, 0ms, 10ms);
  if (!interval) return interval.why();
  const auto min_age = duration("--min-age", args.min_age, 30s, 0ms);
  if (!min_age) return min_age.why();
  const auto stalled_after = duration("--stalled-after", args.stalled_after, 1s, 1ms);
  if (!stalled_after) return stalled_after.why();
  if (args.top) {
    const auto* end = args.top->data() + args.top->size();
    const auto [last, bad] = std::from_chars(args.top->data(), end, s.top);
    if (bad != std::errc() || last != end || s.top == 0)
      return usage_error("--top", "\"" + *args.top + "\" is no number", "such as 5");
  }
  s.interval = *interval;
  s.stalled_after = *stalled_after;
  s.groups.min_age_ms = static_cast<std::uint64_t>(min_age->count());
  s.groups.interval_seconds = static_cast<double>(interval->count()) / 1000;
  return s;
}

void sleep_for(std::chrono::milliseconds time) {
  timespec left = {time.count() / 1000, time.count() % 1000 * 1'000'000};
  while (::nanosleep(&left, &left) != 0) {
  }
}

result<task_count> count(snapshot_source& source) {
  v1::StacksRequest waiting;
  waiting.add_states(v1::Task::BLOCKED);
  task_count counted;
  const auto read = source.stacks(waiting, [&](const v1::Chunk& chunk) {
    counted.add(chunk);
    return true;
  });
  if (!read) return read.why();
  return counted;
}

/// "worker 4711 has run it for 12s without an await: crunch(int)  lab.cpp:77"
std::string why_stalled(const stalled_worker& stalled) {
  constexpr std::string_view prefix = "stalled: ";
  auto text = finding_of(stalled);
  return text.starts_with(prefix) ? text.substr(prefix.size()) + ", without an await" : text;
}

/// One command's work, in the order in which it is done.
class search {
 public:
  search(const arguments& args, const settings& how, snapshot_source& source)
      : args_(args), how_(how), source_(source), names_(source, {}) {}

  result<int> run(output& out) {
    std::optional<task_count> before, halfway;
    if (how_.interval != 0ms) {
      auto first = count(source_);
      if (!first) return first.why();
      sleep_for(how_.interval / 2);
      auto second = count(source_);
      if (!second) return second.why();
      sleep_for(how_.interval - how_.interval / 2);
      before = *std::move(first);
      halfway = *std::move(second);
    }
    // What is proven now is still there afterwards, so that the last look counts it.
    const auto* from = source_.from();
    if (from == nullptr) notes_.emplace_back("nothing is proven: there is no memory of it");
    if (from != nullptr && !args_.no_prove) {
      auto proof = prove(*from);
      if (!proof && args_.prove) return proof.why();
      if (!proof) notes_.push_back("nothing is proven: " + in_words(proof.why()));
      if (proof) proof_ = *std::move(proof);
      if (args_.prove && proof_ && (!proof_->doubt.empty() || proof_->unchecked != 0)) {
        return error{error_code::system, subject_of(source_.pid()),
                     fmt::format("nothing can be proven of {} tasks", proof_->unchecked),
                     "without --prove it says why"};
      }
    }
    leak_groups groups(how_.groups, proof_ ? &*proof_ : nullptr, before ? &*before : nullptr,
                       halfway ? &*halfway : nullptr);
    if (const auto looked = look_for_stalled(groups); !looked) return looked.why();
    v1::StacksRequest all;
    all.add_states(v1::Task::BLOCKED);
    if (!stalled_.empty()) all.add_states(v1::Task::RUNNING);
    const auto read = source_.stacks(all, [&](const v1::Chunk& chunk) {
      names_.learn(chunk);
      groups.add(chunk);
      return true;
    });
    if (!read) return read.why();
    if (read->torn() != 0) notes_.push_back(fmt::format("{} tasks changed too often to be read", read->torn()));
    resolution_ms_ = read->tick_resolution_ms();
    found_ = groups.finish();
    wrong_ = static_cast<std::size_t>(
        std::count_if(found_.begin(), found_.end(), [](const leak& l) { return l.verdict != v1::LeakView::OLD; }));
    if (found_.size() > how_.top) {
      left_out_ = found_.size() - how_.top;
      found_.erase(found_.begin() + static_cast<std::ptrdiff_t>(how_.top), found_.end());
    }
    measure_frames();
    args_.json ? print_document(out) : print_text(out);
    return wrong_ == 0 ? 0 : found_leaks;
  }

 private:
  result<void> look_for_stalled(leak_groups& groups) {
    auto stacks = running_stacks::look(source_, static_cast<std::uint64_t>(how_.stalled_after.count()));
    if (!stacks) return stacks.why();
    for (const auto& stalled : stalled_workers(*stacks)) {
      stalled_[stalled.task.id] = shown_frames(frames_of_task(stacks->stack_of(stalled.task)), false);
      groups.set_stalled(stalled.task.id, why_stalled(stalled));
    }
    return {};
  }

  /// Tasks with the same stack have frames of the same size.
  void measure_frames() {
    std::vector<std::uint64_t> ids;
    for (const auto& each : found_) ids.push_back(each.group.ids(0));
    std::sort(ids.begin(), ids.end());
    const auto* from = source_.from();
    const auto sizes = from ? frame_bytes(*from, ids) : std::map<std::uint64_t, std::uint64_t>();
    for (auto& each : found_) {
      const auto size = sizes.find(each.group.ids(0));
      if (size != sizes.end()) each.frame_bytes = size->second * each.group.count();
    }
  }

  void resolve(const leak& l) {
    names_.resolve(l.group, what_);
    what_.native.clear();
    if (const auto native = stalled_.find(l.group.ids(0)); native != stalled_.end()) what_.native = native->second;
  }

  void print_text(output& out) {
    const render_context context = {
        .style = out.style(), .resolution_ms = resolution_ms_, .pid = source_.pid(), .core = args_.core.value_or("")};
    for (const auto& each : found_) {
      resolve(each);
      render_leak(out.text(), each, what_, &each == found_.data(), context);
    }
    if (proof_ && !proof_->doubt.empty()) notes_.push_back("nothing is proven: " + proof_->doubt);
    render_summary(out.text(), {wrong_, found_.size(), left_out_, proof_ ? &*proof_ : nullptr});
    for (const auto& note : notes_) fmt::format_to(std::back_inserter(out.text()), "! {}\n", note);
  }

  void print_document(output& out) {
    v1::LeaksView view;
    view.set_schema_version(schema_version);
    view.set_pid(static_cast<std::uint32_t>(source_.pid()));
    if (proof_) fill_view(*proof_, view);
    for (const auto& each : found_) {
      resolve(each);
      fill_view(each, what_, *view.add_leaks());
    }
    view.set_left_out(left_out_);
    for (const auto& note : notes_) view.add_notes(note);
    print_json(out.text(), view);
    out.text().push_back('\n');
  }

  const arguments& args_;
  const settings& how_;
  snapshot_source& source_;
  resolver names_;
  resolved what_;
  std::optional<proof_result> proof_;
  std::map<std::uint64_t, std::vector<native_frame>> stalled_;
  std::vector<leak> found_;
  std::vector<std::string> notes_;
  std::size_t wrong_ = 0, left_out_ = 0;
  std::uint32_t resolution_ms_ = 0;
};

result<int> run(const arguments& args, output& out) {
  const auto how = settings_of(args);
  if (!how) return how.why();
  const auto source = open_target(args);
  if (!source) return source.why();
  return search(args, *how, **source).run(out);
}

}  // namespace

const command leaks_command = {
    "leaks", "tasks that will never wake, with the evidence; exit code 3 when there are some", "PID", options, run};

}  // namespace tasks::cli

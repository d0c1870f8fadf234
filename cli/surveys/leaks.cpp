#include "surveys/leaks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <utility>

#include "base/quantities.hpp"
#include "proof/target_proof.hpp"
#include "surveys/crowds.hpp"
#include "surveys/look.hpp"
#include "surveys/running_stacks.hpp"
#include "surveys/without_hook.hpp"
#include "target/target.hpp"

namespace tasks::cli {
namespace {

using namespace std::chrono_literals;

result<task_count> count(snapshot_source& source, resolver& names) {
  v1::StacksRequest waiting;
  waiting.add_states(v1::Task::BLOCKED);
  task_count counted(names);
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

/// "its timer has expired, and no thread runs its io_context (stopped)".
std::string evidence_of(const due_task& due) {
  return due.reason.empty() ? due.over : due.over + ", and " + due.reason;
}

/// In the order in which it is done.
class leak_surveyor {
 public:
  leak_surveyor(snapshot_source& source, resolver& names, const leaks_options& how)
      : source_(source), names_(names), how_(how) {}

  result<leak_survey> run() {
    std::optional<task_count> before, halfway;
    if (how_.interval != 0ms) {
      using clock = std::chrono::steady_clock;
      const auto begin = clock::now();
      auto first = count(source_, names_);
      if (!first) return first.why();
      if (const auto made = prove_early(); !made) return made.why();
      std::this_thread::sleep_until(begin + how_.interval / 2);
      if (const auto looked = look_again(); !looked) return looked.why();
      auto second = count(source_, names_);
      if (!second) return second.why();
      if (const auto made = prove_early(); !made) return made.why();
      std::this_thread::sleep_until(begin + how_.interval);
      if (const auto looked = look_again(); !looked) return looked.why();
      before = *std::move(first);
      halfway = *std::move(second);
    }
    // What is proven now is still there afterwards, so that the last look counts it.
    if (how_.prove) {
      if (const auto made = make_proof(); !made) return made.why();
    }
    if (survey_.proof) add_early_proofs(*survey_.proof);
    const auto stop = look_for_stop(source_);
    const leak_options groups_of = {.min_age_ms = static_cast<std::uint64_t>(how_.min_age.count()),
                                    .all = how_.all,
                                    .interval_seconds = static_cast<double>(how_.interval.count()) / 1000,
                                    .stopped = stop.has_value()};
    leak_groups groups(names_, groups_of, survey_.proof ? &*survey_.proof : nullptr, before ? &*before : nullptr,
                       halfway ? &*halfway : nullptr);
    // For how long a task has run tells nothing of a process that was stopped meanwhile.
    if (!stop)
      if (const auto looked = look_for_stalled(groups); !looked) return looked.why();
    for (const auto& due : how_.due ? *how_.due : look_for_due(source_).due)
      groups.set_due(due.id, due.resumes, evidence_of(due));
    if (is_without_hook(source_))
      survey_.notes.push_back(unknown_without_hook());
    else if (is_crowd(source_))
      survey_.notes.push_back(unknown_of_crowds());
    v1::StacksRequest all;
    all.add_states(v1::Task::BLOCKED);
    if (!stalled_.empty()) all.add_states(v1::Task::RUNNING);
    const auto read = source_.stacks(all, [&](const v1::Chunk& chunk) {
      names_.learn(chunk);
      groups.add(chunk);
      if (how_.of_some)
        for (const auto& task : chunk.tasks()) told_.insert(task.id());
      return true;
    });
    if (!read) return read.why();
    if (read->torn() != 0)
      survey_.notes.push_back(number_and_noun(read->torn(), "task") + " changed too often to be read");
    if (read->total() == 0)
      if (auto missing = look_for_missing_hook(source_)) {
        survey_.notes.push_back(*std::move(missing));
        survey_.lacks_hook = true;
      }
    survey_.resolution_ms = read->tick_resolution_ms();
    keep(groups.finish());
    survey_.by_design = groups.by_design();
    survey_.of_some = how_.of_some;
    if (how_.of_some && survey_.proof) leave_out_others(*survey_.proof, read->matched());
    if (stop) note_that_it_is_stopped(*stop, groups.would_have_gone_on());
    if (survey_.proof && !survey_.proof->doubt.empty())
      survey_.notes.push_back("nothing is proven: " + survey_.proof->doubt);
    if (survey_.proof && !survey_.proof->unread.empty())
      survey_.notes.push_back("nothing is proven, as registers that may hold something were not read: " +
                              survey_.proof->unread);
    return std::move(survey_);
  }

 private:
  result<void> look_again() {
    auto* from = source_.from();
    return from == nullptr ? result<void>() : from->look_again(stop_order::whom::who_runs, how_.longest_stop);
  }

  /// What is proven of one moment holds for ever. Where nothing can be proven now, the last look says why.
  result<void> prove_early() {
    auto* from = source_.from();
    if (!how_.prove || how_.proof != nullptr || from == nullptr) return {};
    auto proof = prove(*from, how_.stop, how_.longest_stop);
    if (!proof) return {};
    longest_stop_ = std::max(longest_stop_, proof->stopped_ms);
    for (const auto& each : proof->findings)
      if (each.verdict == certainty::proven) early_.insert_or_assign(each.task, each);
    early_cycles_ = std::move(proof->cycles);
    return {};
  }

  /// Those of tasks that are still there.
  void add_early_proofs(proof_result& to) {
    for (auto& each : to.findings)
      if (const auto known = early_.find(each.task); known != early_.end()) each = known->second;
    to.cycles.insert(to.cycles.end(), std::make_move_iterator(early_cycles_.begin()),
                     std::make_move_iterator(early_cycles_.end()));
    count_verdicts(to);
    to.stopped_ms = std::max(to.stopped_ms, longest_stop_);
  }

  void leave_out_others(proof_result& of, std::uint64_t tasks) const {
    std::erase_if(of.findings, [this](const brief_finding& each) { return !told_.contains(each.task); });
    count_verdicts(of);
    of.tasks = tasks;
  }

  void note_that_it_is_stopped(const stop_cause& stop, std::size_t would_have_gone_on) {
    auto note = "it is " + stop.words;
    if (would_have_gone_on != 0)
      note +=
          fmt::format(": {} whose {} expired since would have gone on, and {} not listed",
                      would_have_gone_on == 1 ? "1 task" : fmt::format("{} tasks", would_have_gone_on),
                      would_have_gone_on == 1 ? "timer has" : "timers have", would_have_gone_on == 1 ? "is" : "are");
    survey_.notes.push_back(std::move(note));
  }

  result<void> make_proof() {
    auto proof = how_.proof != nullptr ? *how_.proof : look_for_proof(source_, how_.stop, how_.longest_stop);
    if (!proof) {
      if (how_.must_prove) return proof.why();
      survey_.notes.push_back("nothing is proven: " + in_words(proof.why()));
      return {};
    }
    if (how_.must_prove && (!proof->doubt.empty() || proof->unchecked + proof->likely != 0)) {
      const auto fact = "nothing can be proven of " + number_and_noun(proof->unchecked + proof->likely, "task");
      if (!proof->unread.empty())
        return error{error_code::system, subject_of(source_.pid()), fact + ": " + proof->unread, ""};
      return error{error_code::system, subject_of(source_.pid()), fact, "without --prove it says why"};
    }
    survey_.proof = *std::move(proof);
    return {};
  }

  result<void> look_for_stalled(leak_groups& groups) {
    auto stacks = running_stacks::look(source_, static_cast<std::uint64_t>(how_.stalled_after.count()),
                                       how_.stop != proof_stop::never);
    if (!stacks) return stacks.why();
    note_stop(stacks->longest_stop());
    for (const auto& stalled : stalled_workers(*stacks)) {
      stalled_[stalled.task.id] = shown_frames(frames_of_task(stacks->stack_of(stalled.task)), false);
      groups.set_stalled(stalled.task.id, why_stalled(stalled), !stalled.sleeps && stalled.looks_up_by.empty());
    }
    return {};
  }

  /// Of threads whose stacks were copied.
  void note_stop(std::chrono::nanoseconds stopped) {
    const auto ms = std::chrono::duration<double, std::milli>(stopped).count();
    if (survey_.proof) survey_.proof->stopped_ms = std::max(survey_.proof->stopped_ms, ms);
    if (!how_.longest_stop || stopped <= *how_.longest_stop) return;
    survey_.was_stopped_too_long = true;
    survey_.notes.push_back(
        fmt::format("a thread was stopped for {:.1f} ms to copy its stack, longer than --max-stop allows", ms));
  }

  void keep(std::vector<leak> found) {
    survey_.wrong = static_cast<std::size_t>(std::count_if(found.begin(), found.end(), [](const leak& l) {
      return l.verdict != v1::LeakView::OLD && l.verdict != v1::LeakView::LIKELY;
    }));
    if (found.size() > how_.top) {
      survey_.left_out = found.size() - how_.top;
      found.erase(found.begin() + static_cast<std::ptrdiff_t>(how_.top), found.end());
    }
    measure_frames(found);
    for (auto& each : found) {
      auto& kept = survey_.leaks.emplace_back();
      kept.what_leaks = std::move(each);
      const auto& group = kept.what_leaks.group;
      names_.resolve(group, kept.meaning);
      if (const auto native = stalled_.find(group.ids(0)); native != stalled_.end())
        kept.meaning.native = native->second;
    }
  }

  /// Tasks with the same stack have frames of the same size.
  void measure_frames(std::vector<leak>& found) {
    std::vector<std::uint64_t> ids;
    for (const auto& each : found) ids.push_back(each.group.ids(0));
    std::sort(ids.begin(), ids.end());
    const auto sizes = look_for_frame_bytes(source_, ids);
    for (auto& each : found) {
      const auto size = sizes.find(each.group.ids(0));
      if (size != sizes.end()) each.frame_bytes = size->second * each.group.count();
    }
  }

  snapshot_source& source_;
  resolver& names_;
  const leaks_options& how_;
  std::map<std::uint64_t, std::vector<native_frame>> stalled_;
  std::map<std::uint64_t, brief_finding> early_;  ///< proofs of earlier looks, by task; these have no words
  std::vector<wait_cycle> early_cycles_;          ///< of the last of these
  double longest_stop_ = 0;
  std::unordered_set<std::uint64_t> told_;  ///< tasks of the last look, where it is of some alone
  leak_survey survey_;
};

}  // namespace

result<leak_survey> survey_leaks(snapshot_source& source, resolver& names, const leaks_options& options) {
  return leak_surveyor(source, names, options).run();
}

}  // namespace tasks::cli

#include "views/leaks.hpp"

#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/prose.hpp"
#include "base/quantities.hpp"
#include "base/text.hpp"
#include "views/frames.hpp"
#include "views/json.hpp"

namespace tasks::cli {
namespace {

std::string_view word_of(v1::LeakView::Verdict verdict) {
  switch (verdict) {
    case v1::LeakView::PROVEN:
      return "proven";
    case v1::LeakView::LIKELY:
      return "likely";
    case v1::LeakView::GROWING:
      return "growing";
    case v1::LeakView::STALLED:
      return "stalled";
    case v1::LeakView::DUE:
      return "due";
    default:
      return "old";
  }
}

std::string_view color_of(v1::LeakView::Verdict verdict) {
  return verdict == v1::LeakView::PROVEN ? "\033[31m" : verdict == v1::LeakView::OLD ? "\033[2m" : "\033[33m";
}

/// "2 not checked: the allocator of its frames is not known".
std::string reasons_of(const proof_result& proof) {
  std::set<std::string_view> reasons;
  for (const auto& finding : proof.findings)
    if (finding.verdict == certainty::unchecked) reasons.insert(proof.reasons[finding.reason]);
  return fmt::format("{}", fmt::join(reasons, "; "));
}

std::size_t checked(const proof_result& proof) { return proof.proven + proof.likely + proof.held + proof.unchecked; }

std::string headline_of(const leak& what_leaks, const resolved& meaning, const render_context& context) {
  const auto& group = what_leaks.group;
  const bool color = context.style.color;
  const auto sure = group.count() - what_leaks.likely;
  auto text = fmt::format("{}{}{}: {} {}", color ? color_of(what_leaks.verdict) : "", word_of(what_leaks.verdict),
                          color ? "\033[0m" : "", sure, sure == 1 ? "task" : "tasks");
  if (what_leaks.likely != 0) text += fmt::format(" and {} likely", what_leaks.likely);
  text += fmt::format(" [{}]", describe_state(group, meaning, context));
  if (what_leaks.frame_bytes != 0) text += fmt::format(", {} in frames", format_bytes(what_leaks.frame_bytes));
  return text + ":";
}

/// One group; the `first` one has no empty line before it.
void render_leak(fmt::memory_buffer& out, const leak& what_leaks, const resolved& meaning, bool first,
                 const render_context& context) {
  const auto& group = what_leaks.group;
  const auto line = [&](const std::string& text) { append_prose(out, text, context.style); };
  if (!first) out.push_back('\n');
  line(headline_of(what_leaks, meaning, context));
  render_frames(out, meaning, context.style);
  render_spawn_site(out, meaning);
  if (!what_leaks.evidence.empty()) line("evidence: " + what_leaks.evidence);
  if (what_leaks.likely != 0) line("likely: " + what_leaks.likely_evidence);
  if (what_leaks.held != 0)
    line(fmt::format("beside them: {} of the same stack and spawn site {} reached by other words", what_leaks.held,
                     what_leaks.held == 1 ? "is" : "are"));
  if (!what_leaks.hint.empty() && what_leaks.verdict != v1::LeakView::OLD) line("usual fix: " + what_leaks.hint);
  line(ids_words(group, what_leaks.named) + ": " + why_line(group.ids(0), context));
}

/// Where no group is wrong, what that means; empty: some is.
std::string answer_of(const leak_survey& survey, const render_context& context) {
  const auto& proof = survey.proof;
  if (survey.wrong != 0) return {};
  const bool blind = !proof || survey.lacks_hook || !proof->doubt.empty() ||
                     (proof->unchecked != 0 && proof->proven + proof->likely + proof->held == 0);
  if (blind || proof->unchecked != 0)
    return fmt::format("no leaks found, but {}{}", blind ? "nothing was proven" : "not all could be checked",
                       proof ? ": " : "\n");
  if (proof->likely != 0) return fmt::format("nothing proven, {} likely: ", proof->likely);
  if (proof->undecided == 0) return fmt::format("no leaks{}: ", survey.of_some ? " among them" : "");
  const bool goes_on = context.core.empty() && context.recording.empty();
  return fmt::format("nothing proven; {} of {} {} held by words that may be stale{}\n", proof->undecided, proof->held,
                     proof->undecided == 1 ? "is" : "are",
                     goes_on ? fmt::format(", and those come and go: tasks leaks {} --interval 30s looks three times",
                                           target_words(context))
                             : "");
}

/// What was looked at, and what it cost.
void render_summary(fmt::memory_buffer& out, const leak_survey& survey, const render_context& context) {
  if (!survey.leaks.empty()) out.push_back('\n');
  if (survey.left_out != 0) append(out, number_and_noun(survey.left_out, "more group") + " (--top)\n");
  const auto& proof = survey.proof;
  if (survey.by_design != 0)
    fmt::format_to(std::back_inserter(out), "{} more {} by design (--all)\n", survey.by_design,
                   survey.by_design == 1 ? "waits" : "wait");
  auto text = answer_of(survey, context);
  if (text.ends_with('\n')) {
    text.pop_back();
    append_prose(out, std::exchange(text, {}), context.style);
  }
  if (!proof) return;
  text += fmt::format("{} of {} {} for what can be checked: {} proven, ", checked(*proof),
                      number_and_noun(proof->tasks, "task"), checked(*proof) == 1 ? "waits" : "wait", proof->proven);
  if (proof->likely != 0) text += fmt::format("{} likely, ", proof->likely);
  text += fmt::format("{} held elsewhere, {} not checked", proof->held, proof->unchecked);
  if (proof->unchecked != 0) text += fmt::format(" ({})", reasons_of(*proof));
  if (proof->stopped_ms > 0)
    text += fmt::format("; target stopped {:.{}f} ms", proof->stopped_ms, proof->stopped_ms < 1 ? 2 : 0);
  else if (context.core.empty())
    text += "; target not stopped";
  append_prose(out, text + fmt::format(", {:.1f}s in all", proof->total_ms / 1000), context.style);
}

void fill_view(const leak& what_leaks, const resolved& meaning, v1::LeakView& view) {
  const auto& group = what_leaks.group;
  view.set_verdict(what_leaks.verdict);
  view.set_count(group.count());
  if (group.has_wait()) fill_view(group.wait(), age_of(group), meaning.fd, *view.mutable_wait());
  for (const auto& f : meaning.frames) fill_view(f, *view.add_frames());
  for (const auto& f : meaning.native) fill_view(f, *view.add_native_frames());
  if (meaning.spawned_at) fill_view(shown_frame{meaning.spawned_at, false}, *view.mutable_spawned_at());
  if (meaning.spawned_after) fill_view(shown_frame{meaning.spawned_after, false}, *view.mutable_spawned_after());
  if (const auto age = age_of(group)) view.set_oldest_seconds(seconds(*age));
  if (const auto seen = seen_for(group)) view.set_seen_seconds(seconds(*seen));
  view.set_evidence(what_leaks.evidence);
  view.set_hint(what_leaks.hint);
  *view.mutable_task_ids() = group.ids();
  cli::fill_view(what_leaks.named, *view.mutable_named());
  view.set_frame_bytes(what_leaks.frame_bytes);
  view.set_likely(what_leaks.likely);
  view.set_likely_evidence(what_leaks.likely_evidence);
  view.set_held(what_leaks.held);
  fill_view(what_leaks.cycle, *view.mutable_cycle());
}

}  // namespace

void render_leaks(fmt::memory_buffer& out, const leak_survey& survey, const render_context& context) {
  for (const auto& each : survey.leaks) {
    render_leak(out, each.what_leaks, each.meaning, &each == survey.leaks.data(), context);
  }
  render_summary(out, survey, context);
  for (const auto& note : survey.notes) append_prose(out, "! " + note, context.style);
}

void fill_view(const leak_survey& survey, v1::LeaksView& view) {
  if (const auto& proof = survey.proof) {
    view.set_tasks(proof->tasks);
    view.set_checked(checked(*proof));
    view.set_proven(proof->proven);
    view.set_likely(proof->likely);
    view.set_held(proof->held);
    view.set_unchecked(proof->unchecked);
    view.set_undecided(proof->undecided);
    view.set_stopped_seconds(proof->stopped_ms / 1000);
    view.set_total_seconds(proof->total_ms / 1000);
  }
  for (const auto& each : survey.leaks) fill_view(each.what_leaks, each.meaning, *view.add_leaks());
  view.set_left_out(survey.left_out);
  view.set_by_design(survey.by_design);
  for (const auto& note : survey.notes) view.add_notes(note);
}

}  // namespace tasks::cli

#include "views/leaks.hpp"

#include <iterator>
#include <map>
#include <string>
#include <string_view>

#include "base/words.hpp"

namespace tasks::cli {
namespace {

std::string_view word_of(v1::LeakView::Verdict verdict) {
  switch (verdict) {
    case v1::LeakView::PROVEN:
      return "proven";
    case v1::LeakView::GROWING:
      return "growing";
    case v1::LeakView::STALLED:
      return "stalled";
    default:
      return "old";
  }
}

std::string_view color_of(v1::LeakView::Verdict verdict) {
  return verdict == v1::LeakView::PROVEN ? "\033[31m" : verdict == v1::LeakView::OLD ? "\033[2m" : "\033[33m";
}

/// "2 not checked: the allocator of its frames is not known".
std::string reasons_of(const proof_result& proof) {
  std::map<std::string_view, std::size_t> reasons;
  for (const auto& finding : proof.findings)
    if (finding.verdict == certainty::unchecked) ++reasons[finding.reason];
  std::string text;
  for (const auto& [reason, count] : reasons) text += fmt::format("{}{}", text.empty() ? "" : "; ", reason);
  return text;
}

}  // namespace

void render_leak(fmt::memory_buffer& out, const leak& what_leaks, const resolved& what, bool first,
                 const render_context& context) {
  const auto to = std::back_inserter(out);
  const auto& group = what_leaks.group;
  const auto& ids = group.ids();
  const bool one = group.count() == 1;
  if (!first) out.push_back('\n');
  const bool color = context.style.color;
  fmt::format_to(to, "{}{}{}: {} {} [{}]", color ? color_of(what_leaks.verdict) : "", word_of(what_leaks.verdict),
                 color ? "\033[0m" : "", group.count(), one ? "task" : "tasks", describe_state(group, what, context));
  if (what_leaks.frame_bytes != 0) fmt::format_to(to, ", {} in frames", format_bytes(what_leaks.frame_bytes));
  fmt::format_to(to, ":\n");
  render_frames(out, what, context.style);
  if (!what_leaks.evidence.empty()) fmt::format_to(to, "evidence: {}\n", what_leaks.evidence);
  if (!what_leaks.hint.empty() && what_leaks.verdict != v1::LeakView::OLD)
    fmt::format_to(to, "usual fix: {}\n", what_leaks.hint);
  fmt::format_to(to, "{} {}{}: {}\n", one ? "task" : "tasks", fmt::join(ids.begin(), ids.end(), ", "),
                 group.count() > static_cast<std::uint64_t>(ids.size()) ? ", …" : "", why_line(ids[0], context));
}

void render_summary(fmt::memory_buffer& out, const leak_summary& summary) {
  const auto to = std::back_inserter(out);
  if (summary.listed != 0) out.push_back('\n');
  if (summary.left_out != 0) fmt::format_to(to, "{} more groups (--top)\n", summary.left_out);
  const bool blind = !summary.proof || !summary.proof->doubt.empty() ||
                     (summary.proof->unchecked != 0 && summary.proof->proven + summary.proof->held == 0);
  if (summary.wrong == 0) {
    fmt::format_to(to, "{}{}", blind ? "no leaks found, but nothing was proven" : "no leaks",
                   summary.proof ? ": " : "\n");
  }
  if (!summary.proof) return;
  const auto& proof = *summary.proof;
  fmt::format_to(to, "{} of {} tasks wait for what can be checked: ", proof.proven + proof.held + proof.unchecked,
                 proof.tasks);
  fmt::format_to(to, "{} proven, {} held elsewhere, {} not checked", proof.proven, proof.held, proof.unchecked);
  if (proof.unchecked != 0) fmt::format_to(to, " ({})", reasons_of(proof));
  fmt::format_to(to, "; target stopped {:.0f} ms, {:.1f}s in all\n", proof.stopped_ms, proof.total_ms / 1000);
}

}  // namespace tasks::cli

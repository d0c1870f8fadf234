#include "commands/gather.hpp"

#include <utility>

#include "proof/target_proof.hpp"
#include "surveys/look.hpp"
#include "surveys/moment.hpp"

namespace tasks::cli {
namespace {

void take_from_recording(evidence& found) {
  const auto& then = *found.source->recorded();
  found.due = look_for_due(*found.source);
  found.busy = look_for_busy(*found.source);
  found.proof = look_for_proof(*found.source, proof_stop::when_needed);
  found.is_one_moment = then.has_stopped_ms();
  found.stopped_ms = then.stopped_ms();
  found.doubt = then.doubt();
  found.no_proof = !found.doubt.empty() && !*found.proof;
  found.no_stacks = !found.doubt.empty() && !then.threads().no_stacks().empty();
}

}  // namespace

recorded_looks evidence::looks() const {
  return {.stacks = !no_stacks,
          .leaks = !no_proof,
          .no_stacks = no_stacks ? doubt : "",
          .due = &due,
          .busy = &busy,
          .proof = proof ? &*proof : nullptr,
          .memory_seen = memory.get(),
          .stopped_ms = is_one_moment ? std::optional(stopped_ms) : std::nullopt,
          .doubt = doubt};
}

result<evidence> gather(const target_options& asked, std::optional<pid_t> pid, const teller& tell, bool with_memory) {
  evidence found;
  std::optional<error> no_picture;
  if (pid) {
    if (asked.hook) {
      found.due = survey_due(*live_target(*pid), true);
      found.busy = find_busy(*live_target(*pid));
    }
    auto taken = take_moment(*pid, asked.hook, tell, with_memory, asked.seen);
    if (taken) {
      found.source = std::move(taken->source);
      found.proof = std::move(taken->proof);
      found.stopped_ms = taken->stopped_ms;
      found.memory = std::move(taken->memory);
      found.is_one_moment = true;
      return found;
    }
    no_picture = taken.why();
    // What else to do is said for commands that can do without a copy; here it has been done.
    found.no_stacks = taken.why().code == error_code::permission_denied;
    found.doubt = found.no_stacks ? in_words(taken.why()) : taken.why().fact;
  }
  auto opened = open_target(asked, tell);
  if (opened) {
    found.source = *std::move(opened);
    found.is_one_moment = asked.core.has_value();
    if (found.source->recorded() != nullptr) {
      take_from_recording(found);
    } else if (auto* from = found.source->from()) {
      found.proof = no_picture ? prove_without_picture(*from, *no_picture) : prove(*from, proof_stop::when_needed);
      found.no_proof = no_picture && !*found.proof;
      if (found.no_proof) found.doubt += "; so nothing is proven";
      if (found.no_stacks)
        found.doubt += found.no_proof ? ", and there are no native stacks" : "; so there are no native stacks";
      if (!pid) found.due = survey_due(*from, true);
    }
    return found;
  }
  const auto code = opened.why().code;
  if (!pid || code == error_code::usage || code == error_code::no_such_process) return opened.why();
  found.why_no_tasks = opened.why();
  found.process = live_target(*pid);
  return found;
}

}  // namespace tasks::cli

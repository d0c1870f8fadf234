#include "surveys/moment.hpp"

#include <utility>

#include "linux/smaps.hpp"
#include "picture/still_target.hpp"
#include "proof/target_proof.hpp"
#include "sources/memory_source.hpp"
#include "surveys/without_hook.hpp"

namespace tasks::cli {

namespace {

/// A second look at the process has failed: what the first one has copied is shown.
void see_again(proven_picture& seen) {
  if (!seen.in) seen.in = std::make_unique<scene>(*seen.taken);
}

/// Takes the scene. Null: it is not known.
std::unique_ptr<proven_memory> memory_of(std::unique_ptr<scene> in, const std::shared_ptr<const picture>& taken,
                                         const proof_result& proof, pid_t pid) {
  if (in == nullptr || !refuse_asan(taken->image, "")) return nullptr;
  auto made = std::make_unique<proven_memory>();
  made->taken = taken;
  made->in = std::move(in);
  made->proof = proof;
  made->mappings = read_smaps(pid);
  made->stopped_ms = taken->stopped_ms;
  return made;
}

result<moment> take_moment_without_hook(pid_t pid, const teller& tell, bool with_memory,
                                        std::shared_ptr<sightings> seen_before) {
  auto source = open_without_hook(pid, tell, std::move(seen_before));
  if (!source) return source.why();
  if (!with_memory) {
    auto proof = prove(*(*source)->from(), proof_stop::when_needed);
    const auto stopped_ms = proof ? proof->stopped_ms : 0;
    return moment{*std::move(source), std::move(proof), stopped_ms, nullptr};
  }
  auto seen = take_proof(*(*source)->from(), proof_stop::when_needed);
  if (!seen) return moment{*std::move(source), seen.why(), 0, nullptr};
  see_again(*seen);
  const std::shared_ptr<const picture> taken = std::move(seen->taken);
  auto memory = memory_of(std::move(seen->in), taken, seen->proof, pid);
  const auto stopped_ms = seen->proof.stopped_ms;
  return moment{*std::move(source), std::move(seen->proof), stopped_ms, std::move(memory)};
}

}  // namespace

result<moment> take_moment(pid_t pid, bool hook, const teller& tell, bool with_memory,
                           std::shared_ptr<sightings> seen_before) {
  auto live = live_target(pid);
  if (!hook || (!live->roots() && live->roots().why().code == error_code::not_instrumented))
    return take_moment_without_hook(pid, tell, with_memory, std::move(seen_before));
  auto facts = facts_now(pid);
  auto threads = live->threads();
  auto seen = take_proof_of_moment(*live);
  if (!seen) return seen.why();
  if (with_memory) see_again(*seen);
  const std::shared_ptr<const picture> taken = std::move(seen->taken);
  auto memory = with_memory ? memory_of(std::move(seen->in), taken, seen->proof, pid) : nullptr;
  seen->in.reset();
  return moment{open_still(still_target(std::move(live), taken, std::move(threads)), std::move(facts)),
                std::move(seen->proof), taken->stopped_ms, std::move(memory)};
}

}  // namespace tasks::cli

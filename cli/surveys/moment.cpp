#include "surveys/moment.hpp"

#include <utility>

#include "picture/still_target.hpp"
#include "proof/target_proof.hpp"
#include "sources/memory_source.hpp"
#include "surveys/without_hook.hpp"

namespace tasks::cli {

namespace {

result<moment> take_moment_without_hook(pid_t pid, const teller& tell) {
  auto source = open_without_hook(pid, tell);
  if (!source) return source.why();
  auto proof = prove(*(*source)->from(), proof_stop::when_needed);
  const auto stopped_ms = proof ? proof->stopped_ms : 0;
  return moment{*std::move(source), std::move(proof), stopped_ms};
}

}  // namespace

result<moment> take_moment(pid_t pid, bool hook, const teller& tell) {
  auto live = live_target(pid);
  if (!hook || (!live->roots() && live->roots().why().code == error_code::not_instrumented))
    return take_moment_without_hook(pid, tell);
  auto facts = facts_now(pid);
  auto threads = live->threads();
  auto seen = take_proof(*live, proof_stop::when_needed);
  if (!seen) return seen.why();
  seen->in.reset();
  const std::shared_ptr<const picture> taken = std::move(seen->taken);
  return moment{open_still(still_target(std::move(live), taken, std::move(threads)), std::move(facts)),
                std::move(seen->proof), taken->stopped_ms};
}

}  // namespace tasks::cli

#include "surveys/moment.hpp"

#include <utility>

#include "picture/still_target.hpp"
#include "proof/target_proof.hpp"
#include "sources/memory_source.hpp"

namespace tasks::cli {

result<moment> take_moment(pid_t pid) {
  auto live = live_target(pid);
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

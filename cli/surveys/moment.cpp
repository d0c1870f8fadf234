#include "surveys/moment.hpp"

#include <utility>

#include "picture/picture.hpp"
#include "picture/still_target.hpp"
#include "proof/prover.hpp"
#include "proof/scene.hpp"
#include "sources/memory_source.hpp"

namespace tasks::cli {

result<moment> take_moment(pid_t pid) {
  auto live = live_target(pid);
  auto facts = facts_now(pid);
  auto threads = live->threads();
  auto opened = take_picture(*live);
  if (!opened) return opened.why();
  const auto taken = std::make_shared<picture>(*std::move(opened));
  scene in(*taken);
  auto proof = prove(in);
  proof.stopped_ms = taken->stopped_ms;
  return moment{open_still(still_target(std::move(live), taken, std::move(threads)), std::move(facts)),
                std::move(proof), taken->stopped_ms};
}

}  // namespace tasks::cli

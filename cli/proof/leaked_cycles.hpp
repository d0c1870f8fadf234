#pragma once

/// Which of the tasks that are proven to leak wait for each other.
///
///   frames of a proven task ──words──> what was not marked ──words──> what another proven task waits on
///
/// A mark from each of them, over what the proof's has left: nothing alive leads there, so that it is little, and
/// nobody who could end the wait is missed. As reference_search finds backwards for one task, of any.

#include <span>
#include <vector>

#include "picture/heap_map.hpp"
#include "proof/mark.hpp"
#include "proof/proof.hpp"
#include "proof/scene.hpp"

namespace tasks::cli {

/// Of the oldest thousand that are proven; of more words than 64 MiB what the first of those lead to.
/// `frames`: the allocations of the scene's frames. `marks`: after the proof.
[[nodiscard]] std::vector<wait_cycle> find_leaked_cycles(const scene& in, const marker& marks,
                                                         std::span<const heap_map::object> frames,
                                                         const proof_result& proof);

}  // namespace tasks::cli

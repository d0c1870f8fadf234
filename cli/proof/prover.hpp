#pragma once

/// Proves that a task will never be woken: nothing alive can reach what it waits for.
///
///   picture ──> find allocations ──> mark ──> what stayed unmarked waits for ever
///
/// All on one picture of one moment. See cli/README.md, "Leaks: what is proven", for which references are not followed,
/// why each of them is safe, and what can fool it. Whatever is not understood counts as a reference: a proof is lost
/// then, never made.

#include "proof/proof.hpp"
#include "proof/scene.hpp"

namespace tasks::cli {

/// Looks at a scene, whose picture loses what is not to be followed.
[[nodiscard]] proof_result prove(scene& in);

}  // namespace tasks::cli

#pragma once

/// Proves that a task will never be woken: nothing alive can reach what it waits for.
///
///   stop ──> copy ──> let go ──> find allocations ──> mark ──> what stayed unmarked waits for ever
///
/// All on one picture of one moment (process_stop, memory_image). See cli/README.md, "Leaks: what is proven", for which
/// references are not followed, why each of them is safe, and what can fool it. Whatever is not understood counts as a
/// reference: a proof is lost then, never made.

#include "base/error.hpp"
#include "proof/proof.hpp"
#include "proof/scene.hpp"
#include "target/target.hpp"

namespace tasks::cli {

/// Looks at a scene, whose picture loses what is not to be followed.
[[nodiscard]] proof_result prove(scene& in);

/// Looks at a target. A live one is held only if a task waits for what could be proven, and only while
/// it is copied. Fails where its memory may not be read or its threads not be stopped.
[[nodiscard]] result<proof_result> prove(target& from);
/// Likewise, of a target that there can be no picture of, which `why` says: that is the answer, but where it would not
/// have helped.
[[nodiscard]] result<proof_result> prove_without_picture(target& from, const error& why);

}  // namespace tasks::cli

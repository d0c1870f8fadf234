#pragma once

/// Proofs about a target: which threads have to be stopped for them.
///
///   sleeping threads are left alone ──> picture ──> proof ──> all is held by what is certainly in use: done
///                                                         └─> something is not ──> all are stopped ──> picture, proof
///
/// Of a thread that sleeps most registers are not known, and one may hold the last pointer to what a task waits for. So
/// nothing is proven before those are read too; but what is held does not need them.

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "base/error.hpp"
#include "picture/picture.hpp"
#include "proof/proof.hpp"
#include "proof/scene.hpp"
#include "target/target.hpp"

namespace tasks::cli {

/// What a proof was made of, for whoever wants to know more of that moment.
struct proven_picture {
  std::unique_ptr<picture> taken;
  std::unique_ptr<scene> in;  ///< null where the threads that sleep should have been stopped, and could not be
  proof_result proof;
};

/// Is there nothing to be found out by stopping threads that were left asleep?
using settled = std::function<bool(const proven_picture&)>;
/// Every wait is held by what is certainly in use, or cannot be checked.
[[nodiscard]] bool all_is_held(const proven_picture& seen);

/// A live target is held while it is copied. Fails where its memory may not be read, and where threads that run may not
/// be stopped; where others may not, as with a process that ended then, what was seen so far is the answer, and its
/// proofs are `likely`.
[[nodiscard]] result<proven_picture> take_proof(target& from, proof_stop stop, const settled& is_settled = all_is_held);

/// Likewise, stopping whom that needs, of a picture that others will look at, too: what the proof erases there for
/// itself memory_image::read_original() has.
[[nodiscard]] result<proven_picture> take_proof_of_moment(target& from);

/// Likewise, without the picture; and no picture is taken unless a task waits for what could be proven. When threads
/// have been stopped for `longest`, at a time, they go on and what they were stopped for is given up: that fails, or
/// where they were stopped for the second picture makes proofs `likely`. What is told as stopped is what was measured,
/// of the longest stop.
[[nodiscard]] result<proof_result> prove(target& from, proof_stop stop,
                                         std::optional<std::chrono::milliseconds> longest = {});
/// Likewise, of a target that there can be no picture of, which `why` says: that is the answer, but where it would not
/// have helped.
[[nodiscard]] result<proof_result> prove_without_picture(target& from, const error& why);

}  // namespace tasks::cli

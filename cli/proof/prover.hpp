#pragma once

/// Proves that a task will never be woken: nothing alive can reach what it waits for.
///
///   stop ──> copy ──> let go ──> find allocations ──> mark ──> what stayed unmarked waits for ever
///
/// All on one picture of one moment (process_stop, memory_image). See cli/README.md, "Leaks: what is proven", for which
/// references are not followed, why each of them is safe, and what can fool it. Whatever is not understood counts as a
/// reference: a proof is lost then, never made.

#include <vector>

#include "base/error.hpp"
#include "linux/kernel_words.hpp"
#include "linux/registers.hpp"
#include "picture/memory_image.hpp"
#include "proof/proof.hpp"
#include "target/target.hpp"

namespace tasks::cli {

/// Looks at a picture; takes from it what is not to be followed.
[[nodiscard]] proof_result prove(memory_image& image, const std::vector<thread_registers>& threads,
                                 const kernel_words& kernel, const std::vector<root_copy>& roots);

/// Looks at a target. A live one is held only if a task waits for what could be proven, and only while
/// it is copied. Fails where its memory may not be read or its threads not be stopped.
[[nodiscard]] result<proof_result> prove(const target& from);

}  // namespace tasks::cli

#pragma once

/// Proves that a task will never be woken: nothing alive can reach what it waits for.
///
///   stop ──> copy ──> let go ──> find allocations ──> mark ──> what stayed unmarked waits for ever
///
/// All on one picture of one moment (process_stop, memory_image). See cli/README.md, "Leaks: what is proven", for which
/// references are not followed, why each of them is safe, and what can fool it. Whatever is not understood counts as a
/// reference: a proof is lost then, never made.

#include <sys/types.h>

#include <vector>

#include "base/error.hpp"
#include "linux/kernel_words.hpp"
#include "linux/process_stop.hpp"
#include "picture/memory_image.hpp"
#include "proof/proof.hpp"
#include "target/roots.hpp"

namespace tasks::cli::leaks {

/// Looks at a picture; takes from it what is not to be followed.
[[nodiscard]] proof prove(memory_image& image, const std::vector<thread_registers>& threads, const kernel_words& kernel,
                          const std::vector<root_copy>& roots);

/// Looks at a running (or stopped) process. It is stopped only if a task waits for what could be proven, and only while
/// it is copied. Fails where it cannot be stopped.
[[nodiscard]] result<proof> prove(pid_t pid, const std::vector<root_copy>& roots);

}  // namespace tasks::cli::leaks

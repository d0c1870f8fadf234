#pragma once

/// The parts of stacks that are in use by nobody: below 128 bytes under a stack pointer (the red zone).

#include <vector>

#include "memory_image.hpp"
#include "process_stop.hpp"

namespace tasks::cli::leaks {

/// The unused part of each thread's own stack, where the bounds of that stack are known beyond doubt: "[stack]" of the
/// main thread; of others what their `struct pthread` says, if it agrees with both registers. A thread whose stack
/// pointer is elsewhere (on a fibre, on a signal stack) uses all of it. Sorted.
[[nodiscard]] std::vector<range> unused_stacks(const memory_image& image, const std::vector<thread_registers>& threads);

}  // namespace tasks::cli::leaks

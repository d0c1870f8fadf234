#pragma once

/// Which tasks are of one moment in a picture that was copied while its process went on: those of which each word is
/// the same when it is read once more. All of them were so when the first reading was over and the second one had not
/// begun.
///
///   first reading ········ that moment ········ second reading
///   frames, operations          │               the same words of them

#include <vector>

#include "hookless/other_chains.hpp"
#include "hookless/task_chains.hpp"
#include "hookless/wait_search.hpp"
#include "linux/memory.hpp"
#include "picture/memory_image.hpp"

namespace tasks::cli {

/// For each task: has a link of its chain changed since, or its suspend point, or what it waits for?
[[nodiscard]] std::vector<bool> changed_since(const memory_image& first, const memory& again, const frame_scan& scan,
                                              const task_chains& chains, const std::vector<found_wait>& waits);
/// For each entry point whose chain is broken, likewise: it may be because it went on meanwhile.
[[nodiscard]] std::vector<bool> broken_since(const memory_image& first, const memory& again, const frame_scan& scan,
                                             const task_chains& chains);
/// For each stack of another library's coroutines.
[[nodiscard]] std::vector<bool> changed_since(const memory_image& first, const memory& again, const frame_scan& scan,
                                              const std::vector<other_stack>& stacks);

}  // namespace tasks::cli

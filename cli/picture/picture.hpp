#pragma once

/// Everything that a proof needs of a target, as it was at one moment.
///
///   some run ──> stop those ──┐
///   all sleep ────────────────┴──> copy ──> have they slept all the time? ──> picture
///                                           no ──> once more, and stop those that have not

#include <set>
#include <vector>

#include "base/error.hpp"
#include "linux/kernel_words.hpp"
#include "linux/registers.hpp"
#include "picture/memory_image.hpp"
#include "picture/unused_stacks.hpp"
#include "target/target.hpp"

namespace tasks::cli {

struct picture {
  memory_image image;
  std::vector<thread_registers> threads;
  thread_words words;  ///< of theirs
  kernel_words kernel;
  std::vector<root_copy> roots;
  double stopped_ms = 0;    ///< that one of them was at the most, at a time; 0: no thread was
  std::set<pid_t> moved{};  ///< threads that ran meanwhile, whose registers are not known; empty: it is one moment
  modules* code = nullptr;  ///< the target's, which must outlive this

  /// Of threads that were left asleep most registers are not known: one of those may hold what nothing else does.
  [[nodiscard]] bool has_sleepers() const noexcept;
};

/// Holds a live target for as long as it takes to copy its memory. `whom` is to be stopped of a live one: where others
/// move meanwhile they are stopped, too, unless nobody is to be. Fails where it cannot be stopped, or does not rest and
/// is not let run,
/// where its registries cannot be read, where there is no room for the copy, and where it would be stopped for longer
/// than `longest`.
[[nodiscard]] result<picture> take_picture(target& from, stop_order::whom whom,
                                           std::optional<std::chrono::milliseconds> longest = {});

/// That this thread ran while memory was copied which nobody was to be stopped for.
[[nodiscard]] error not_one_moment(pid_t pid, pid_t thread);

}  // namespace tasks::cli

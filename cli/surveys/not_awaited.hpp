#pragma once

/// Awaitables that were made and have not been awaited: frames at their initial suspend point, in no task.
///
///   picture ──> frames of coroutines ──> in a task's chain?                  ──┐
///                                    ──> begun? awaited by somebody?         ──┼──> not awaited
///                                    ──> does a task have it?                 ──┘
///
/// An awaitable destroys its frame where it goes out of scope, so that these are kept by somebody: a member, a
/// container, a lambda that nobody has called, or memory that nobody frees. What a task's frame holds is a variable of
/// it, or what it was spawned with, and will be awaited; so will what one of its variables points to the beginning of,
/// as a vector or a unique_ptr does.

#include <cstdint>
#include <string>
#include <vector>

#include "picture/picture.hpp"
#include "target/target.hpp"

namespace tasks::cli {

/// Those of one function.
struct not_awaited_frames {
  std::string function, file;  ///< readable, and fit for a terminal; empty: not known
  unsigned line = 0;           ///< where it begins; 0: not known
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;  ///< of the heap's chunks that they are in
};

/// The most bytes first. `in`: a picture of `from`, which no proof has changed yet. Empty where nothing is known, as of
/// a program that is stripped, and of one that is_crowd().
[[nodiscard]] std::vector<not_awaited_frames> find_not_awaited(target& from, const picture& in);

}  // namespace tasks::cli

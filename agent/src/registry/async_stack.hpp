#pragma once

/// Taking the await chain of the task that runs on the calling thread.

#include <cstdint>

#include "tasks/async_stacktrace.hpp"
#include "tasks/detail/writer.hpp"

namespace tasks::detail {

/// What is told of the innermost frame besides its last await.
enum class innermost {
  stands,    ///< at that await: what it awaited has thrown
  went_on,   ///< it may have
  has_place  ///< `place` is where it is, or where a function is that it has called
};

/// Fills `to`, which is empty then where no task runs here. `place`: a location as in entry::where, or 0. Neither
/// allocates, locks, nor calls the system; a signal handler may call it.
void take_stack(stack_words& to, innermost what, std::uint64_t place) noexcept;

}  // namespace tasks::detail

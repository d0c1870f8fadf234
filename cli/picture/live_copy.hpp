#pragma once

/// The copy of a live target's memory while it stands still, which is what it waits for.

#include "base/error.hpp"
#include "picture/memory_image.hpp"
#include "picture/own_memory.hpp"
#include "target/target.hpp"

namespace tasks::cli {

/// Where the copy goes: memory that is ours before the process is stopped. Fails where there is not so much.
[[nodiscard]] result<own_memory> room_for_copy(const target& from);

/// Fails where it does not end, and as soon as the target's threads have gone on since their time has run out. Of a
/// target that is no live one this is a copy as any other.
[[nodiscard]] result<memory_image> copy_memory(const target& from, const standstill& still, own_memory room);

}  // namespace tasks::cli

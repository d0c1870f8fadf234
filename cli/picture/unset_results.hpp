#pragma once

/// Results of operations that are awaited together, of those that are not over yet: nobody has written them, and nobody
/// reads them before somebody does. In memory that was used before they have what another one left there.
///
///   {…, completed, outstanding, …, {result, has_value}, {result, has_value}, …}      see group_state_layout

#include "picture/heap_map.hpp"
#include "picture/memory_image.hpp"
#include "symbols/modules.hpp"

namespace tasks::cli {

/// Makes them zero, what lies behind the last one, and the room in its executors that these do not need. None: without
/// debug information, in memory that nobody owns any more, or while one of them is being written: between `completed`
/// and `has_value`.
void erase_unset_results(memory_image& image, const heap_map& heap, modules& code);

}  // namespace tasks::cli

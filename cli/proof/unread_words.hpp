#pragma once

/// Words in frames of tasks that wait which nobody will read before they are written anew: where variables were or will
/// be, room for results that have not come, room in executors that the one there does not need. See unread_members.

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "picture/memory_image.hpp"
#include "proof/task_states.hpp"
#include "symbols/modules.hpp"

namespace tasks::cli {

/// By frame: parts of it that lie where no word does, and may hold something at any byte.
using unaligned_parts = std::unordered_map<std::uint64_t, std::vector<range>>;

/// Makes them zero. Of frames whose body is not known, without debug information, or of a body that one of these
/// symbols is a part of: none. `may_run`: of functions that threads are in, where nobody tells which tasks wait;
/// nothing: any may. Tells what of all frames is not aligned.
unaligned_parts erase_unread_words(memory_image& image, const seen_tasks& tasks, modules& code,
                                   const std::optional<std::vector<std::string>>& may_run);

}  // namespace tasks::cli

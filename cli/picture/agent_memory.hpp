#pragma once

/// The memory of the agent's own: copies of frames' addresses, and of channels', in which the program has no reference.

#include <vector>

#include "picture/memory_image.hpp"
#include "target/roots.hpp"

namespace tasks::cli {

/// Its mappings, see layout::agent_mapping, as far as they are what they should be. `roots`: where they are; what they
/// say is read from the image.
[[nodiscard]] std::vector<range> agent_memory(const memory_image& image, const std::vector<root_copy>& roots);

}  // namespace tasks::cli

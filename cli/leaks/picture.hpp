#pragma once

/// Everything that a proof needs of a target, as it was at one moment.

#include <sys/types.h>

#include <vector>

#include "error.hpp"
#include "kernel_words.hpp"
#include "memory_image.hpp"
#include "process_stop.hpp"
#include "target.hpp"

namespace tasks::cli {
class memory_source;
}

namespace tasks::cli::leaks {

struct picture {
  memory_image image;
  std::vector<thread_registers> threads;
  kernel_words kernel;
  std::vector<root_copy> roots;
  double stopped_ms = 0;
};

/// Stops a process for as long as it takes to copy its memory. Fails where it cannot be stopped.
[[nodiscard]] result<picture> take_picture(pid_t pid, const std::vector<root_copy>& roots);
/// Of a core. What the kernel held for the process it does not tell; see cli/README.md.
[[nodiscard]] picture take_picture(const memory_source& core);

}  // namespace tasks::cli::leaks

#pragma once

/// Everything that a proof needs of a target, as it was at one moment.

#include <sys/types.h>

#include <vector>

#include "base/error.hpp"
#include "linux/kernel_words.hpp"
#include "linux/process_stop.hpp"
#include "picture/memory_image.hpp"
#include "sources/snapshot_source.hpp"
#include "target/roots.hpp"

namespace tasks::cli::leaks {

struct picture {
  memory_image image;
  std::vector<thread_registers> threads;
  kernel_words kernel;
  std::vector<root_copy> roots;
  double stopped_ms = 0;
};

/// The registries of a process that are its own, and no forked copies of another's.
[[nodiscard]] result<std::vector<root_copy>> roots_of(pid_t pid);
/// Stops a process for as long as it takes to copy its memory. Fails where it cannot be stopped.
[[nodiscard]] result<picture> take_picture(pid_t pid, std::vector<root_copy> roots);
/// Of a core too, which does not tell what the kernel held for the process; see cli/README.md.
[[nodiscard]] result<picture> take_picture(const snapshot_source& source);

}  // namespace tasks::cli::leaks

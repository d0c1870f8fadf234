#pragma once

/// Everything that a proof needs of a target, as it was at one moment.

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
  double stopped_ms = 0;
  modules* code = nullptr;  ///< the target's, which must outlive this
};

/// Holds a live target for as long as it takes to copy its memory. Fails where it cannot be stopped, where its
/// registries cannot be read, and where there is no room for the copy.
[[nodiscard]] result<picture> take_picture(target& from);

}  // namespace tasks::cli

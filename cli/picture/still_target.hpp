#pragma once

/// A live target as it was at one moment.
///
///   picture ──> memory, registers, stacks       what its files say, and its threads' names ──> as they are
///
/// Whoever looks at it twice sees the same; nothing of the target is stopped, or waited for, any more.

#include <memory>
#include <span>
#include <vector>

#include "linux/thread_list.hpp"
#include "picture/picture.hpp"
#include "target/target.hpp"

namespace tasks::cli {

/// What was copied, and of files what still is as they say. Both must outlive it.
[[nodiscard]] std::unique_ptr<memory> memory_of(const memory_image& image, const memory& live);
/// Registers and stacks of these threads; `bytes` as of memory_of().
[[nodiscard]] std::vector<thread_copy> copies_of(const picture& taken, const memory& bytes,
                                                 std::span<const pid_t> tids);

/// `taken` of `live`; `threads`: as they were just before.
[[nodiscard]] std::shared_ptr<target> still_target(std::shared_ptr<target> live, std::shared_ptr<const picture> taken,
                                                   std::vector<os_thread> threads);

}  // namespace tasks::cli

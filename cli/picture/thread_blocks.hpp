#pragma once

/// The memory that libc makes for a thread, of x86-64:
///
///   guard | stack, from its end downwards | thread-local storage | struct pthread {…, guard's begin, size, guard's
///   size}
///                                                                └─ the thread pointer
///
/// On aarch64 the thread pointer is behind the `struct pthread`, and the storage behind that.

#include <cstdint>
#include <optional>
#include <vector>

#include "linux/registers.hpp"
#include "picture/memory_image.hpp"

namespace tasks::cli {

struct thread_block {
  range stack;              ///< all but the guard
  std::uint64_t guard = 0;  ///< its size; 0: the block may be the program's own (pthread_attr_setstack(3))
  std::uint64_t thread_pointer = 0;
  std::uint64_t said_at = 0;  ///< where the `struct pthread` says so
};

/// Of a thread whose thread pointer is known, if the block holds that and the stack pointer.
[[nodiscard]] std::optional<thread_block> block_of(const memory_image& image, const thread_registers& thread);

/// Stacks and storage of threads that have ended, which libc keeps for others to come: nobody will read them again.
/// Such a block is made as those of threads that are there, and says so itself, but its thread's id is 0, as the kernel
/// has made it, or -1, as who joins it does. What a thread has returned is in its `struct pthread`, which is left out.
/// Empty, too: the ids are those of another namespace.
[[nodiscard]] std::vector<range> stacks_of_ended_threads(const memory_image& image,
                                                         const std::vector<thread_registers>& threads);

}  // namespace tasks::cli

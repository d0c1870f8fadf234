#pragma once

/// What threads have in their stacks and registers that nobody will ever read again.

#include <vector>

#include "linux/registers.hpp"
#include "picture/memory_image.hpp"

namespace tasks::cli {

/// The unused part of each thread's own stack, below 128 bytes under its stack pointer (the red zone), where the bounds
/// of that stack are known beyond doubt: "[stack]" of the main thread; of others what their `struct pthread` says, if
/// it agrees with both registers. A thread whose stack pointer is elsewhere (on a fibre, on a signal stack) uses all of
/// it. And the room for events of a thread in epoll_wait(2) that has got none: the kernel may fill all of it. Sorted.
[[nodiscard]] std::vector<range> unused_stacks(const memory_image& image, const std::vector<thread_registers>& threads);

/// Are the thread's vector registers dead? They are while it waits in a system call that a function of libc's makes: no
/// caller may expect that a function keeps them, and those functions that only wait have nothing in them.
[[nodiscard]] bool waits_in_libc(const memory_image& image, const thread_registers& thread);

}  // namespace tasks::cli

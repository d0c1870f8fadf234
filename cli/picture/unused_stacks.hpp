#pragma once

/// What threads have in their stacks and registers, and what of it somebody may read again.

#include <vector>

#include "linux/registers.hpp"
#include "picture/asio_recycled.hpp"
#include "picture/frame_walk.hpp"
#include "picture/memory_image.hpp"

namespace tasks::cli {

struct thread_words {
  struct held {
    std::uint64_t word;
    std::uint32_t tid;
  };
  /// What nobody of the program's will ever read: of stacks, and of what the agent has. Sorted, disjoint.
  std::vector<range> unused;
  std::vector<held> registers;
  /// Blocks of memory that were given back to Asio; see asio_recycled.
  std::vector<std::uint64_t> recycled;
  /// Where threads that are in no such call have the addresses of other blocks, which may be in use again already.
  /// Sorted, disjoint.
  std::vector<range> recycled_slots;
  /// Of each thread, in their order, as far as they are known.
  std::vector<std::vector<code_frame>> frames;
  /// Of each thread, where the frame of its first function ends; 0: not known.
  std::vector<std::uint64_t> ends;
  /// More would be known if a thread that was left asleep had been stopped.
  bool lacks_registers = false;
};

/// Unused is, of each thread:
///
/// - the part of its own stack below 128 bytes under its stack pointer (the red zone), where the bounds of that stack
///   are known beyond doubt, and its frames lead to its first function: "[stack]" of the main thread; of others what
///   their `struct pthread` says, if it agrees with both registers and libc has made the stack. A thread that runs on
///   another stack, be that a part of its own (a fibre, a signal handler's), uses all of it;
/// - the frames of libc's functions in which it waits, with the red zone: they give back the registers that they have
///   saved, and a number. Only of functions that are known to;
/// - the room for events of a thread in Asio's epoll_wait(2) that has got none: the kernel may fill all of it.
///
/// Vector registers are dead while it waits in a system call that a function of libc's makes: no caller may expect that
/// a function keeps them, and those functions that only wait have nothing in them. Pointers lie at any byte of others.
[[nodiscard]] thread_words words_of_threads(const memory_image& image, const std::vector<thread_registers>& threads,
                                            frame_walker& walker, asio_recycled& recycled);

}  // namespace tasks::cli

#pragma once

/// Copies of threads, one after another. One that sleeps in a system call is left alone: if it has slept all the time,
/// the copy of its stack is as good as a stopped thread's.
///
///   it sleeps ──> stack pointer, stack ──> it has slept since?      the next thread …
///
/// One that runs is stopped for as long as it takes to read its registers and the used part of its stack. What is done
/// with a copy, unwinding and looking up names, takes a hundred times as long and happens when its thread has gone on.
///
///   seize ──> interrupt ──> registers, stack ──> let go
///
/// A thread of ours does this and ends when it is done, at which the kernel lets go whatever it still traced; the same
/// happens when we are killed. Signals are held off meanwhile: a Ctrl-Z must not stop us while a thread is stopped.
/// What a stopped thread notices is what it would of SIGSTOP and SIGCONT: epoll_wait(2) may return EINTR.

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "linux/memory.hpp"

namespace tasks::cli {

struct thread_copy {
  pid_t tid = 0;  ///< in our pid namespace
  /// By DWARF number; empty: the thread could not be copied, `failure` says why.
  std::vector<std::uint64_t> registers;
  /// It was not stopped: of the registers only the stack pointer's is known, and the frame pointer's where that is not
  /// 0 (see target/sleepers).
  bool slept = false;
  std::uint64_t pc = 0;
  std::uint64_t stack_begin = 0;     ///< address of the first byte of `stack`
  std::vector<unsigned char> stack;  ///< from below the stack pointer up; at most most_stack bytes
  std::string failure;
};

inline constexpr std::size_t most_stack = std::size_t{1} << 20;

/// The word at an address of the target, of a copied stack; nothing: it was not copied.
[[nodiscard]] std::optional<std::uint64_t> word_at(const thread_copy& copy, std::uint64_t address);

struct thread_copies {
  std::vector<thread_copy> threads;  ///< in the order that was asked for
  /// From the last moment at which a thread was seen running to its being let go: what it lost at most.
  std::chrono::nanoseconds longest_stop{0};
  /// Why the kernel does not let us trace one of them; most often that holds for all.
  std::optional<error> refusal;
};

/// Copies those threads of a process, which may be running, hung, or stopped by a signal and then stays so.
[[nodiscard]] thread_copies copy_threads(pid_t pid, std::span<const pid_t> tids);
/// Likewise, and stops those that sleep as well: whatever they wait in may return EINTR.
[[nodiscard]] thread_copies copy_stopped_threads(pid_t pid, std::span<const pid_t> tids);

}  // namespace tasks::cli

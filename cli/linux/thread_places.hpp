#pragma once

/// Where the stacks and the thread-local storage of threads lie, of threads that go on meanwhile.
///
///   /proc/PID/task/TID/syscall ──> stack pointer ──┐
///   memory of threads' stacks ──────────────────────┴──> glibc's descriptor of the thread ──> thread pointer
///
/// Nobody is stopped, and no system call of the target's ends early. glibc's descriptor (struct pthread), since 2.4: of
/// x86-64 it begins with its own address, has it again at 16, and the thread's id at 720. Of aarch64 it has the links
/// of a list of threads at 192, the thread's id at 208, and ends where the thread pointer points to, which is told by
/// its leading to a table of the thread's storage. Of another libc nothing is found.

#include <cstdint>
#include <vector>

#include "linux/memory.hpp"
#include "linux/registers.hpp"
#include "linux/thread_list.hpp"

namespace tasks::cli {

struct thread_places {
  /// Without registers. The stack pointer is 0 of a thread that runs, the thread pointer where it was not found.
  std::vector<thread_registers> threads;
  /// How often each has been given a CPU, likewise: the same twice, and it has slept in between. 0: not known.
  std::vector<std::uint64_t> slices;
};

[[nodiscard]] thread_places find_threads(pid_t pid, const std::vector<os_thread>& threads, const memory& from);
/// Of those whose thread pointer is 0, and whose number the target itself knows by `inner_tids`, in the same order.
void find_thread_pointers(std::vector<thread_registers>& threads, const std::vector<std::uint32_t>& inner_tids,
                          const memory& from);

/// Of the executable's, with what aligns it, which lies next to each thread pointer; begins and ends at words. 0: it
/// has none, or is not found.
[[nodiscard]] std::uint64_t thread_storage_size(const memory& from);

}  // namespace tasks::cli

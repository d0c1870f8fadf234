#pragma once

/// What is held, or half done, while another thread of the program forks.
///
///   this object is            fork()                             its child
///   the executable            waits: handlers of at_fork()       is told at once: a handler of at_fork()
///   another, which dlclose    does not wait                      sees by its pid that it is one, when it takes a
///   may unload                                                   process_lock, or has a task on a new thread
///
/// What may be unloaded has no handlers. glibc calls them without its lock: the code of one may be unmapped while it
/// runs, and where an object goes that has several, the process ends ("Fatal glibc error: array index 3 not less than
/// array length 3", __run_prefork_handlers() in posix/register-atfork.c). That is rare, and would be for nothing.

#include <atomic>
#include <cstdint>

namespace tasks::detail {

/// Where this object, an executable or a shared library, is mapped.
[[nodiscard]] std::uintptr_t address_of_object() noexcept;
/// Is it the executable, so that it stays? A library that was there from the start is not known to.
[[nodiscard]] bool is_executable() noexcept;

/// pthread_atfork(3), if this object is the executable. False: it is not, and they are never called.
bool at_fork(void (*prepare)() noexcept, void (*parent)() noexcept, void (*child)() noexcept) noexcept;

/// A mutex. Whose thread is not in this process, as it stayed in the parent of a fork, has it no more: what it guards
/// may be half done. Not to be held on a path that an await takes. Async-signal-safe, if no handler interrupts a thread
/// that holds it.
class process_lock {
 public:
  void lock() noexcept;
  void unlock() noexcept;

 private:
  std::atomic<std::uint32_t> holder_{0};  ///< pid of the thread's process; 0: nobody. A futex(2)
};

}  // namespace tasks::detail

#pragma once

/// What a thread that sleeps has called, and of a mutex who has locked it.

#include <cstdint>
#include <string>

#include "linux/memory.hpp"
#include "linux/thread_list.hpp"
#include "target/native_stack.hpp"
#include "target/target.hpp"

namespace tasks::cli {

/// What the user called: of the functions within the user's innermost one the outermost of the C library, as
/// pthread_mutex_lock or poll. Where that is a bare system call, as of std::future, whatever the user called. Empty:
/// nothing.
[[nodiscard]] std::string blocking_function(const native_stack& stack);

/// Who has locked the mutex of glibc's (a pthread_mutex_t, bits/struct_mutex.h) whose lock is at this address, and that
/// somebody waits for: a thread, as the target calls it. 0: the words there are not those of one.
[[nodiscard]] std::uint32_t owner_of_mutex(const memory& of, std::uint64_t lock);
/// Of the mutex that this thread waits for. 0: not known, or it waits for none. Of a live target.
[[nodiscard]] std::uint32_t owner_of_mutex(const target& from, const os_thread& thread, const native_stack& stack);

/// "locked by thread 4712", "which it has locked itself", "locked by thread 9, which does not exist". `waits`: who
/// waits, as the target calls it.
[[nodiscard]] std::string locked_words(std::uint32_t owner, std::uint32_t waits, bool owner_exists);

}  // namespace tasks::cli
